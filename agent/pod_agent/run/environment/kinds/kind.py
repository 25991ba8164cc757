"""The protocol of a kind of package list, and the environment it installs into.

Not here: which kind a folder holds (``recognise``), and the making, marking and removing of environments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.environment.interpreter import Interpreter
    from pod_agent.run.environment.requirements import Wanted
    from pod_agent.run.work import Work


@dataclass(frozen=True, slots=True)
class Target:
    """An environment that is being made. ``env`` is for programs that install: the job's, with the place's PATH."""

    place: Path
    python: Interpreter  # the image's, which the environment is made from
    env: Mapping[str, str]
    work: Work

    @property
    def program(self) -> str:
        """The environment's own Python."""
        return str(self.place / "bin" / "python")


class Kind(Protocol):
    """A package list that was found. ``wanted`` reads a few files; only ``install`` runs programs."""

    @property
    def name(self) -> str:
        """The list in words, for the log: a file's name, mostly."""

    @property
    def brings_python(self) -> bool:
        """Whether ``install`` makes the whole environment, its Python included."""

    def wanted(self) -> Wanted:
        """All that the list depends on, as one hash."""

    def install(self, target: Target) -> tuple[str, ...]:
        """Install it; returns warnings for the status. StepFailed with reason and remedy where that cannot be."""
