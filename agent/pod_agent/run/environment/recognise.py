"""Which package list a job has, and why: what POD_REQUIREMENTS names, else the first of a fixed order.

Looks at names only; what a list means is its kind's to say.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pod_agent.run.environment.kinds.bare import Bare
from pod_agent.run.environment.kinds.pip_file import PipFiles
from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.environment.kinds.kind import Kind
    from pod_agent.run.environment.requirements import Wanted
    from pod_wire.job import JobSpec


@dataclass(frozen=True, slots=True)
class Found:
    """The list, and in words why it and no other."""

    kind: Kind
    why: str

    def wanted(self, setup: str | None) -> Wanted:
        """All that the environment depends on besides the interpreter: the list, and POD_SETUP's text."""
        found = self.kind.wanted()
        text = f"{type(self.kind).__name__}\n{found.digest}\n{setup or ''}"
        return replace(found, digest=hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest())


def recognise(spec: JobSpec, folder: Path) -> Found | None:
    """The job's package list; None where there is none and nothing else needs an environment."""
    found = _named(spec.requirements, folder) if spec.requirements else _looked_for(spec, folder)
    if found is None and spec.setup:
        return Found(Bare(), "POD_SETUP is set")
    return found


def _looked_for(spec: JobSpec, folder: Path) -> Found | None:
    if spec.requirements == "":
        return None
    file = folder / "requirements.txt"
    return Found(PipFiles((file,), folder), "it is there") if file.is_file() else None


def _named(name: str, folder: Path) -> Found:
    file = folder / name
    if not file.is_file():
        raise StepFailed(
            f"cannot install {name}: there is no such file in {folder}",
            "check POD_REQUIREMENTS; it is a path below the folder the command runs in",
        )
    return Found(PipFiles((file,), folder), "POD_REQUIREMENTS names it")
