"""A count of what an environment holds, taken when it is complete: what the job changes later is not packed.

Byte code is left out: Python writes it beside its sources whenever it likes, and holds it against them itself.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "podkeep.census"
OURS = {"podkeep.json", "podkeep.json.new", NAME}  # about this copy, so in no other
CACHE = "__pycache__"


@dataclass(frozen=True, slots=True)
class Census:
    """How much there is, and a digest of every name, size and time."""

    bytes: int
    files: int
    digest: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder's things, in order: name, and what ``lstat`` says."""

    path: str  # of the folder, below the environment; empty for itself
    mode: int
    things: list[tuple[str, os.stat_result]]


def walk(place: Path) -> Iterator[Entry]:
    """Folder by folder, those above first, without what is about this copy only. Raises OSError."""
    waiting = [""]
    while waiting:
        path = waiting.pop()
        whole = os.path.join(place, path) if path else str(place)  # noqa: PTH118 - hot: no Path per folder
        things, below = [], []
        with os.scandir(whole) as found:
            for it in sorted(found, key=lambda it: it.name):
                if it.is_dir(follow_symlinks=False):
                    below.append(f"{path}/{it.name}" if path else it.name)
                elif path or it.name not in OURS:
                    things.append((it.name, it.stat(follow_symlinks=False)))
        yield Entry(path, stat.S_IMODE(os.stat(whole).st_mode), things)  # noqa: PTH116 - the same
        waiting += reversed(below)


def take(place: Path) -> Census:
    """Of an environment as it is now."""
    count = Counting()
    for entry in walk(place):
        if not is_cache(entry.path):
            count.add(entry.path, entry.things)
    return count.result()


def is_cache(path: str) -> bool:
    return path.rpartition("/")[2] == CACHE


class Counting:
    """A census under way."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._bytes = self._files = 0

    def add(self, folder: str, things: list[tuple[str, os.stat_result]]) -> None:
        self._files += len(things)
        self._bytes += sum(it.st_size for _, it in things)
        text = "".join(f"{name}\0{it.st_mode}\0{it.st_size}\0{_time(it)}\n" for name, it in things)
        self._digest.update(f"{folder}\n{text}\n".encode("utf-8", "surrogateescape"))

    def result(self) -> Census:
        return Census(self._bytes, self._files, self._digest.hexdigest())


def _time(found: os.stat_result) -> int:
    """A link's own time is nobody's business, and is not kept."""
    return found.st_mtime_ns if stat.S_ISREG(found.st_mode) else 0


def note(place: Path) -> Census:
    """Take it, and leave it in the environment for whoever packs it."""
    found = take(place)
    (place / NAME).write_text(f"{found.digest}\n", encoding="ascii")
    return found


def noted(place: Path) -> str | None:
    """The digest from when the environment was complete."""
    try:
        return (place / NAME).read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None
