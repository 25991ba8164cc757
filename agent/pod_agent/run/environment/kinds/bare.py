"""No package list at all: an environment for what POD_SETUP or a notebook installs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.run.environment.requirements import Wanted
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.run.environment.kinds.kind import Target


@dataclass(frozen=True, slots=True)
class Bare:
    """An environment that begins with the image's packages only."""

    name: str = "no package list"
    brings_python: bool = False

    def wanted(self) -> Wanted:
        return Wanted()

    def install(self, target: Target) -> tuple[str, ...]:
        del target
        return ()
