"""Finds what may be checkpoints: by the user's glob, or by looking at what was written since the run began.

Looking passes over caches, environments, hidden tools' folders, and files that git tracks. It opens nothing.
"""

from __future__ import annotations

import glob as globs
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.outputs.came import PLACE
from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Part
from pod_agent.outputs.checkpoints.known import ENDINGS, UNKNOWN, claimed
from pod_agent.outputs.checkpoints.names import step_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pod_agent.outputs.checkpoints.candidate import Format

SLACK_S = 1.0  # file systems round the time of a write
_DATA = {".npy", ".h5", ".hdf5", ".gz"}  # of these names most are data: only telling ones are looked at
_TELLING = re.compile(
    r"(?:^|[^a-z])(?:ckpts?|checkpoints?|last|latest|resume|snapshot|state|epoch|steps?|iter)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_TELLING_JSON = re.compile(r"(?:^|[^a-z])(?:ckpt|checkpoint|snapshot|resume)(?:[^a-z]|$)", re.IGNORECASE)
# Files that lie beside weights and are no checkpoint by themselves.
_PART = re.compile(
    r"(?:optim|sched|rng|random|scaler|trainer_state|training_args|metrics|config|token|vocab)", re.IGNORECASE
)
_SHARD = re.compile(r"\d-of-\d+$")  # one of several: never a checkpoint by itself
_BARE = re.compile(r"^checkpoint_\d+$")  # flax writes files without an ending
SUFFIXES = frozenset(os.path.splitext(ending)[1] or ending for ending in ENDINGS)  # noqa: PTH122 - no path
_LOOKED_AT = tuple(ending for ending in ENDINGS if ending != ".bin")
_UNFINISHED_FOLDER = re.compile(r"^tmp-checkpoint|orbax-checkpoint-tmp|checkpoint.*\.tmp$", re.IGNORECASE)
_UNFINISHED = re.compile(r"(?:^|[.\-_])(?:tmp|temp|part|partial|incomplete)(?:[.\-_]|$)", re.IGNORECASE)
_MARKS = {"pyvenv.cfg", "CACHEDIR.TAG", "conda-meta"}  # an environment or a cache says so itself
_COUNT = (*ENDINGS, *_MARKS)
_BEGINS = "checkpoint_"  # flax gives its files no ending
_OURS = ".podkeep"  # state, copies, and what was set aside
SKIPPED = {
    "__pycache__", "node_modules", "site-packages", "venv", "wandb", "mlruns", ".git", ".podkeep", ".cache", ".venv",
    ".tox", ".nox", ".local", ".config", ".npm", ".conda", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".triton", ".nv", ".huggingface", ".vscode-server", ".cursor-server", ".ssh", ".jupyter",
}  # fmt: skip


def is_looked_into(name: str) -> bool:
    """Whether checkpoints may lie in a folder of this name; one that is still being written to may be renamed."""
    return not name.startswith(_OURS) and name not in SKIPPED


def find(
    folder: Path,
    glob: str | None,
    since: float,
    ignore: Collection[str] = frozenset(),
    beat: Callable[[], None] = lambda: None,
) -> tuple[Candidate, ...]:
    """All candidates below a folder. ``ignore`` holds names relative to it; a glob overrides looking.

    ``beat`` is called for each folder that is looked into, and may raise: a tree on a slow mount takes minutes.
    """
    if glob:
        return tuple(_by_glob(folder, glob))
    found = _by_looking(str(folder), "", ignore, beat)
    return tuple(one for one in found if one.mtime >= since - SLACK_S)


def _by_glob(folder: Path, glob: str) -> Iterator[Candidate]:
    names = globs.glob(  # noqa: PTH207 - Path.glob refuses what people write, such as absolute patterns
        glob, root_dir=folder, recursive=True, include_hidden=True
    )
    paths = [folder / name for name in sorted(names) if not _is_hidden(name)]
    meant = {path for path in paths if path.is_dir()}
    seen: set[Path] = set()
    known: dict[Path, Format | None] = {}
    for path in paths:
        around = _around(path, folder, known, meant)
        place = path if around is None else around
        if place in seen:
            continue
        seen.add(place)
        if around is not None:
            one = folder_candidate(around, known[around])
        else:
            one = None if path in meant else file_candidate(path, is_sure=True)
        if one is not None:
            yield one


def _is_hidden(name: str) -> bool:
    return any(part == ".git" or part.startswith(_OURS) for part in Path(name).parts)


def _around(
    path: Path, folder: Path, known: dict[Path, Format | None], meant: Collection[Path]
) -> Path | None:
    """The folder of some format that this is, or lies in: the outermost."""
    found = None
    for up in (path, *path.parents):
        if up == folder:
            break
        if up not in known:
            entry = _listed(up, is_meant=up in meant)
            known[up] = None if entry is None else claimed(entry)
        if known[up] is not None:
            found = up
    return found


def _listed(path: Path, *, is_meant: bool) -> Entry | None:
    """A folder and the names in it; None for what is none."""
    try:
        with os.scandir(path) as listing:
            return _entry(path.name, list(listing), is_meant=is_meant)
    except OSError:
        return None


def _entry(name: str, listing: Sequence[os.DirEntry[str]], *, is_meant: bool = True) -> Entry:
    """What is listed. Of files, those that count for anybody: beside a checkpoint lie a hundred thousand pictures."""
    folders = frozenset(one.name for one in listing if one.is_dir(follow_symlinks=False))
    names = [one.name for one in listing]
    files = frozenset([one for one in names if one.endswith(_COUNT) or one.startswith(_BEGINS)])
    return Entry(name, is_folder=True, files=files - folders, folders=folders, is_meant=is_meant)


def _by_looking(
    top: str, below: str, ignore: Collection[str], beat: Callable[[], None]
) -> Iterator[Candidate]:
    beat()
    try:
        with os.scandir(top) as listing:
            entries = list(listing)
    except OSError:
        return  # gone meanwhile, or not ours to read: nothing to be found there
    here = _entry(os.path.basename(top), entries)  # noqa: PTH119 - hot
    if here.files & _MARKS or here.folders & _MARKS:
        return  # an environment or a cache
    if below:
        is_job = ".git" in here.folders and os.path.exists(f"{top}/.git/podkeep")  # noqa: PTH110 - hot
        if is_job or PLACE in here.folders:
            return  # the tree of another job
        form = claimed(here)
        if form is not None:
            is_tracked = any(f"{below}{name}" in ignore for name in here.files)
            one = None if is_tracked else folder_candidate(Path(top), form)
            yield from () if one is None else (one,)
            return
    for name in here.folders:
        if is_looked_into(name) and not _UNFINISHED_FOLDER.search(name):
            yield from _by_looking(f"{top}/{name}", f"{below}{name}/", ignore, beat)
    if here.files:
        yield from _files(top, below, [entry for entry in entries if entry.name in here.files], ignore)


def _files(
    top: str, below: str, entries: Sequence[os.DirEntry[str]], ignore: Collection[str]
) -> Iterator[Candidate]:
    """Those that may be a checkpoint each by itself."""
    for entry in entries:
        if below + entry.name in ignore or not _may_be(entry.name):
            continue
        if entry.is_symlink() and _leads_below(entry.path, top.removesuffix(f"/{below}"[:-1])):
            continue  # a second name, such as Lightning's last.ckpt
        one = file_candidate(Path(entry.path), is_sure=bool(_TELLING.search(entry.name)))
        yield from () if one is None else (one,)


def _leads_below(path: str, top: str) -> bool:
    """Whether a link's file lies where it is found by itself."""
    return os.path.realpath(path).startswith(os.path.realpath(top) + "/")


def _may_be(name: str) -> bool:
    """Whether a file may be a checkpoint by itself."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - hot
    if not name.endswith(_LOOKED_AT) and (suffix or not _BARE.match(name)):
        return False
    if name.startswith(".") or _UNFINISHED.search(stem) or _PART.match(stem) or _SHARD.search(stem):
        return False
    if suffix == ".json" and _TELLING_JSON.search(stem) is None:
        return False
    return suffix not in _DATA or _TELLING.search(stem) is not None


def file_candidate(path: Path, *, is_sure: bool) -> Candidate | None:
    """A single file as it is now; None when it has just gone, or is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    part = Part(path.name, found.st_size, found.st_mtime_ns, found.st_ino)
    form = claimed(Entry(path.name)) or UNKNOWN
    return Candidate(path, form, (part,), step_of(path.stem), is_sure)


def folder_candidate(path: Path, form: Format | None) -> Candidate | None:
    """A folder with all its files as they are now; None when it has just gone."""
    try:
        parts = tuple(sorted(_parts(os.fspath(path), ""), key=lambda part: part.name))
    except OSError:
        return None
    if form is None:
        return None
    return Candidate(path, form, parts, step_of(path.name), is_file=False)


def again(one: Candidate) -> Candidate | None:
    """The same candidate as it is now; None when it has just gone."""
    if one.is_file:
        return file_candidate(one.path, is_sure=one.is_sure)
    return folder_candidate(one.path, one.format)


def _parts(top: str, below: str) -> Iterator[Part]:
    with os.scandir(top) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _parts(entry.path, f"{below}{entry.name}/")
            else:
                found = entry.stat()
                yield Part(below + entry.name, found.st_size, found.st_mtime_ns, found.st_ino)
