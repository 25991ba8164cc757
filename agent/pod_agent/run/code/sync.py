"""Brings the code, from whatever source the job names, and says where its command runs.

Without a source the command runs in the workspace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_agent.run.code.checkout import check_out, lies_there
from pod_agent.run.work import StepFailed, Work

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_wire.job import JobSpec


@dataclass(frozen=True, slots=True)
class Synced:
    """The folder the command runs in, and the commit that lies there; None where there is no repository."""

    folder: Path
    commit: str | None
    warnings: tuple[str, ...] = ()


def sync(spec: JobSpec, tree: Path, pinned: str | None, env: Mapping[str, str], work: Work) -> Synced:
    """Have the code in ``tree``: the commit ``pinned``, or what the ref means now.

    A job without a repository runs in the workspace, which is the folder around ``tree``.
    """
    if spec.repo is None:
        return Synced(_folder(tree.parent, spec, "the workspace"), None)
    if pinned is not None and lies_there(tree, pinned):
        return Synced(_folder(tree, spec, "the repository"), pinned)
    commit, warnings = check_out(spec, tree, pinned, env, work)
    return Synced(_folder(tree, spec, "the repository"), commit, warnings)


def _folder(top: Path, spec: JobSpec, where: str) -> Path:
    folder = top / spec.subdir
    if not folder.resolve().is_relative_to(top.resolve()):
        raise StepFailed(
            f"cannot use POD_SUBDIR {spec.subdir!r}: it leads out of {where}", "name a folder inside it"
        )
    if spec.repo is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StepFailed(f"cannot make the folder {folder}: {error.strerror}") from error
    if not folder.is_dir():
        raise StepFailed(
            f"cannot use POD_SUBDIR {spec.subdir!r}: there is no such folder in {where}",
            "check its spelling, and that it is in the commit",
        )
    return folder
