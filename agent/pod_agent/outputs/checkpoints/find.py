"""Finds what may be checkpoints: by the user's glob, or by looking at what was written since the run began.

Looking passes over caches, environments, hidden tools' folders, and files that git tracks. It opens nothing.
"""

from __future__ import annotations

import glob as globs
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import Candidate, Form, Part

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

SLACK_S = 1.0  # file systems round the time of a write
STATE_FILE = "trainer_state.json"
_TRAINERS_OWN = ("training_args.bin", "scheduler.pt", "rng_state.pth", "model.safetensors")
_TRAINER = re.compile(r"(?:^|[-_.])checkpoint[-_](\d+)$")
SUFFIXES = {".pt", ".pth", ".ckpt", ".safetensors", ".npz", ".pkl", ".pickle", ".json"}
_TELLING = re.compile(
    r"(?:^|[^a-z])(?:ckpts?|checkpoints?|last|latest|resume|snapshot|state|epoch|steps?|iter)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_TELLING_JSON = re.compile(r"(?:^|[^a-z])(?:ckpt|checkpoint|snapshot|resume)(?:[^a-z]|$)", re.IGNORECASE)
# Files that lie beside weights and are no checkpoint by themselves.
_PART = re.compile(
    r"(?:optim|sched|rng|random|scaler|trainer_state|training_args|metrics|config|token|vocab)", re.IGNORECASE
)
_NUMBERS = tuple(
    re.compile(rf"(?:^|[^a-z])(?:{words})[-_=]?(\d+)", re.IGNORECASE)
    for words in (
        "global[-_]?step|steps?",
        "iter|iters|iteration|it",
        "checkpoint|ckpt|snapshot",
        "epoch|ep|e",
    )
)
_UNFINISHED = re.compile(r"(?:^|[.\-_])(?:tmp|temp|part|partial|incomplete)(?:[.\-_]|$)", re.IGNORECASE)
_MARKS = {"pyvenv.cfg", "CACHEDIR.TAG", "conda-meta"}  # an environment or a cache says so itself
_OURS = ".podkeep"  # state, copies, and what was set aside
_SKIPPED = {
    "__pycache__", "node_modules", "site-packages", "venv", "wandb", "mlruns", ".git", ".podkeep", ".cache", ".venv",
    ".tox", ".nox", ".local", ".config", ".npm", ".conda", ".ipynb_checkpoints", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".triton", ".nv", ".huggingface", ".vscode-server", ".cursor-server", ".ssh", ".jupyter",
}  # fmt: skip


def find(
    folder: Path, glob: str | None, since: float, ignore: Collection[str] = frozenset()
) -> tuple[Candidate, ...]:
    """All candidates below a folder. ``ignore`` holds names relative to it; a glob overrides looking."""
    if glob:
        return tuple(_by_glob(folder, glob))
    found = _by_looking(str(folder), "", ignore)
    return tuple(one for one in found if one.mtime >= since - SLACK_S)


def step_of(name: str) -> int | None:
    """The step that a file's name tells: a step before an iteration before an epoch."""
    for pattern in _NUMBERS:
        numbers = pattern.findall(name)
        if numbers:
            return int(numbers[-1])
    return None


def _by_glob(folder: Path, glob: str) -> Iterator[Candidate]:
    names = globs.glob(  # noqa: PTH207 - Path.glob refuses what people write, such as absolute patterns
        glob, root_dir=folder, recursive=True, include_hidden=True
    )
    seen: set[Path] = set()
    known: dict[Path, bool] = {}
    for name in sorted(names):
        path = folder / name
        if any(part == ".git" or part.startswith(_OURS) for part in Path(name).parts):
            continue
        around = path if _TRAINER.search(path.name) and path.is_dir() else _around(path, folder, known)
        if (around or path) in seen:
            continue
        seen.add(around or path)
        one = folder_candidate(around) if around is not None else file_candidate(path, is_sure=True)
        if one is not None and (around is not None or not path.is_dir()):
            yield one


def _around(path: Path, folder: Path, known: dict[Path, bool]) -> Path | None:
    """The Trainer's folder that this is, or lies in."""
    for up in (path, *path.parents):
        if up == folder:
            return None
        if up not in known:
            known[up] = _holds_trainers(up)
        if known[up]:
            return up
    return None


def _holds_trainers(path: Path) -> bool:
    """Whether a folder is a Trainer's, also a half one; a file in it is no checkpoint by itself."""
    if (path / STATE_FILE).is_file():
        return True
    return _TRAINER.search(path.name) is not None and any((path / name).is_file() for name in _TRAINERS_OWN)


def _by_looking(top: str, below: str, ignore: Collection[str]) -> Iterator[Candidate]:
    try:
        with os.scandir(top) as listing:
            entries = list(listing)
    except OSError:
        return  # gone meanwhile, or not ours to read: nothing to be found there
    names = {entry.name for entry in entries}
    if names & _MARKS or (below and ".git" in names and os.path.exists(f"{top}/.git/podkeep")):  # noqa: PTH110 - hot
        return  # an environment, a cache, or the tree of another job
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            name = f"{below}{entry.name}"
            if entry.name.startswith(_OURS) or f"{name}/{STATE_FILE}" in ignore:
                continue
            if _TRAINER.search(entry.name):
                one = folder_candidate(Path(entry.path))
                yield from () if one is None else (one,)
            elif entry.name not in _SKIPPED:
                yield from _by_looking(entry.path, f"{name}/", ignore)
        elif _may_be(entry.name) and below + entry.name not in ignore:
            one = file_candidate(Path(entry.path), is_sure=bool(_TELLING.search(entry.name)))
            yield from () if one is None else (one,)


def _may_be(name: str) -> bool:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - hot
    if suffix not in SUFFIXES or _UNFINISHED.search(stem) or name.startswith(".") or _PART.match(stem):
        return False
    return suffix != ".json" or _TELLING_JSON.search(stem) is not None


def file_candidate(path: Path, *, is_sure: bool) -> Candidate | None:
    """A single file as it is now; None when it has just gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    part = Part(path.name, found.st_size, found.st_mtime_ns, found.st_ino)
    return Candidate(path, Form.FILE, (part,), step_of(path.stem), is_sure)


def folder_candidate(path: Path) -> Candidate | None:
    """A folder with all its files as they are now; None when it has just gone."""
    try:
        parts = tuple(sorted(_parts(os.fspath(path), ""), key=lambda part: part.name))
    except OSError:
        return None
    number = _TRAINER.search(path.name)
    return Candidate(path, Form.TRAINER, parts, int(number[1]) if number else None)


def _parts(top: str, below: str) -> Iterator[Part]:
    with os.scandir(top) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _parts(entry.path, f"{below}{entry.name}/")
            else:
                found = entry.stat()
                yield Part(below + entry.name, found.st_size, found.st_mtime_ns, found.st_ino)
