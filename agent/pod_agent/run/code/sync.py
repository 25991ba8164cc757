"""Brings the code, from whatever source the job names, and says where its command runs.

Without a source the command runs in the workspace.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.outputs import came
from pod_agent.run.code.present import lies_there
from pod_agent.run.work import StepFailed, Work
from pod_wire.frozen import dataclass
from pod_wire.source import SourceKind, read_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_wire.job import JobSpec
    from pod_wire.source import Source


@dataclass(frozen=True, slots=True)
class Synced:
    """The folder the command runs in, and the commit that lies there; None where there is no repository."""

    folder: Path
    commit: str | None
    warnings: tuple[str, ...] = ()


def sync(spec: JobSpec, tree: Path, pinned: str | None, env: Mapping[str, str], work: Work) -> Synced:
    """Have the code in ``tree``: the state ``pinned``, or what the source means now.

    A job without a repository runs in the workspace, which is the folder around ``tree``; a folder of the pod that is
    no repository is run in as it lies.
    """
    top = _ready_made(spec, tree)
    if top is not None:
        return Synced(_folder(top, spec, "the workspace" if spec.repo is None else "the folder"), None)
    source = read_source(spec.repo or "")
    is_git = source.kind in {SourceKind.GIT, SourceKind.PATH}
    bring = _git if is_git else _other
    commit, warnings = bring(spec, tree, pinned, env, work)
    return Synced(_folder(tree, spec, "the repository" if is_git else "the code"), commit, warnings)


def root_of(spec: JobSpec, tree: Path) -> Path:
    """The code's own top: the job's tree, the workspace, or a folder of the pod in which the command runs."""
    return _ready_made(spec, tree) or tree


def _ready_made(spec: JobSpec, tree: Path) -> Path | None:
    """Where nothing has to be brought: the workspace, or a folder of the pod that is no repository."""
    if spec.repo is None:
        return tree.parent
    source = read_source(spec.repo)
    place = Path(source.text)
    return place if source.kind is SourceKind.PATH and place.is_dir() and not _is_git(place) else None


def _is_git(folder: Path) -> bool:
    """A work tree's top, or a bare repository."""
    return (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir())


def _git(
    spec: JobSpec, tree: Path, pinned: str | None, env: Mapping[str, str], work: Work
) -> tuple[str, tuple[str, ...]]:
    if pinned is not None and lies_there(tree, pinned):
        return pinned, ()
    from pod_agent.run.code.checkout import check_out  # noqa: PLC0415 - a restart has no time for it
    from pod_agent.run.code.switching import to_git  # noqa: PLC0415

    with to_git(tree, work) as make_way:
        return check_out(spec, tree, pinned, env, work, fetched=make_way)


def _other(
    spec: JobSpec, tree: Path, pinned: str | None, env: Mapping[str, str], work: Work
) -> tuple[str, tuple[str, ...]]:
    """Files from elsewhere than git. What the disk refuses is said as such."""
    if pinned is not None and came.lies_there(tree, pinned):
        return pinned, ()
    source = read_source(spec.repo or "")
    try:
        place = tree / came.PLACE
        place.mkdir(parents=True, exist_ok=True)
        (place / ".gitignore").write_text("*\n", encoding="ascii")  # a git of the code's own leaves it alone
        return _bring(source, tree, pinned, env, work)
    except OSError as error:
        is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise StepFailed(
            f"cannot put the code into {tree}: {error.strerror or error}",
            "make the pod's volume larger, or remove old files from it"
            if is_full
            else "the workspace must be writable: check the pod's volume",
        ) from error


def _bring(
    source: Source, tree: Path, pinned: str | None, env: Mapping[str, str], work: Work
) -> tuple[str, tuple[str, ...]]:
    match source.kind:
        case SourceKind.ARCHIVE:
            from pod_agent.run.code import archive  # noqa: PLC0415 - one of several kinds

            return archive.bring(source, tree, pinned, env, work)
        case SourceKind.HUB:
            from pod_agent.run.code import hub  # noqa: PLC0415

            return hub.bring(source, tree, pinned, env, work)
        case _:
            from pod_agent.run.code import tree as sent  # noqa: PLC0415

            return sent.bring(source, tree, env, work)


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
            "check its spelling, and that it came with the code",
        )
    return folder
