"""The files of a repository: a walk that follows no link, enters no cache, and ends however large the folder is.

Not here: what is in the files (source.py, repository.py).
"""

from __future__ import annotations

import os
from collections import deque

from pod_wire.frozen import dataclass

MOST_FILES = 20_000
DEEPEST = 8
_MARKS = {"pyvenv.cfg", "CACHEDIR.TAG", "conda-meta"}  # an environment or a cache says so itself
_SKIPPED = {
    "__pycache__", "node_modules", "site-packages", "venv", "env", "wandb", "mlruns", "build", "dist", "third_party",
    "lightning_logs", "tb_logs", "runs", "multirun", "checkpoints", "ckpts",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listing:
    """Names relative to the folder, with ``/``, nearest first. ``trouble`` says what was not looked at."""

    names: tuple[str, ...]
    trouble: tuple[str, ...] = ()


def list_files(folder: str, most: int = MOST_FILES) -> Listing:
    """Regular files only. Nothing is opened."""
    names: list[str] = []
    trouble: list[str] = []
    odd = 0
    todo = deque([("", 0)])
    while todo:
        below, depth = todo.popleft()
        try:
            with os.scandir(os.path.join(folder, below)) as listed:  # noqa: PTH118 - names may be no paths
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            trouble.append(f"cannot look into {below or 'this folder'}: {error.strerror}")
            continue
        if below and any(entry.name in _MARKS for entry in entries):
            continue
        for entry in entries:
            if not entry.name.isprintable():  # also what is no UTF-8
                odd += 1
                continue
            if depth < DEEPEST and _is_entered(entry):
                todo.append((f"{below}{entry.name}/", depth + 1))
            elif _is_file(entry):
                names.append(below + entry.name)
        if len(names) > most:
            trouble.append(f"only the nearest {most} files were looked at")
            break
    if odd:
        trouble.append(f"passed over {odd} files whose names cannot be written down")
    return Listing(tuple(names[:most]), tuple(trouble))


def _is_entered(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    try:
        if not entry.is_dir(follow_symlinks=False):
            return False
    except OSError:
        return False
    return not name.startswith(".") and name not in _SKIPPED and not name.endswith(".egg-info")


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Also a link to a file: what it leads to is read with the same limits."""
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False
