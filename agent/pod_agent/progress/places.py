"""The files of a training that tell its progress: looked for with care, then read from where they ended last.

A walk is bounded in entries and depth, and is rare where it is slow. Not here: what is in the files.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from pod_agent.progress import metrics_csv, tensorboard, tfrecord, trainer_state

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.progress.reading import Reading

MOST_ENTRIES, DEEPEST = 4000, 6
WALK_S, LOOK_S = 30.0, 5.0
DEAR = 100.0  # a walk may take this share of the time: a hundredth
BLOCK = 64 << 10  # of an event file at one look
MOST_RECORDS = 200
_NOT_INTO = {
    ".git",
    ".podkeep",
    "__pycache__",
    "node_modules",
    ".venv",
    "venv",
    "site-packages",
    ".cache",
    "wandb",
}


class Places:
    """Of one training: what it wrote below ``folder`` since it began."""

    def __init__(self, folder: Path, since: float) -> None:
        self._folder = folder
        self._since = since - 2.0  # file systems round
        self._files: dict[str, str] = {}  # newest of each kind
        self._seen: dict[str, tuple[int, int]] = {}
        self._offsets: dict[str, int] = {}
        self._next_walk = 0.0
        self._next_look = 0.0

    def look(self, now: float) -> list[Reading]:
        """What is new in them. ``now`` is of a clock that never jumps. A folder that cannot be read says nothing."""
        if now < self._next_look:
            return []
        self._next_look = now + LOOK_S
        if now >= self._next_walk:
            began = time.monotonic()
            self._files = find(self._folder, self._since)
            self._next_walk = now + max(WALK_S, DEAR * (time.monotonic() - began))
        found: list[Reading] = []
        for kind, path in self._files.items():
            try:
                found += self._read(kind, path)
            except OSError:
                continue
        return found

    def _read(self, kind: str, path: str) -> list[Reading]:
        info = os.stat(path)  # noqa: PTH116 - a walk's paths are text
        mark = (info.st_size, info.st_mtime_ns)
        if self._seen.get(path) == mark:
            return []
        self._seen[path] = mark
        if kind == tensorboard.PREFIX:
            found, is_done = self._events(path, info.st_size)
            if not is_done:
                del self._seen[path]
            return found
        with open(path, "rb") as file:  # noqa: PTH123 - the same
            if kind == trainer_state.FILE:
                one = trainer_state.read(file.read(trainer_state.LARGEST))
            else:
                head = file.read(metrics_csv.HEAD)
                start = max(0, info.st_size - metrics_csv.TAIL)
                file.seek(start)
                tail = file.read(metrics_csv.TAIL)
                one = metrics_csv.read(head, tail)
        return [] if one is None else [one]

    def _events(self, path: str, size: int) -> tuple[list[Reading], bool]:
        """From the last boundary on, a block at a time."""
        at = self._offsets.get(path, 0)
        if at < 0 or at >= size:
            return [], True
        with open(path, "rb") as file:  # noqa: PTH123 - the same
            file.seek(at)
            data = file.read(BLOCK)
            records = tfrecord.read(data)
            if not records.used and not records.broken and len(data) == BLOCK:
                records = tfrecord.read(data + file.read(tfrecord.LARGEST + BLOCK))
        self._offsets[path] = -1 if records.broken else at + records.used + records.skip
        read = [tensorboard.read(record) for record in records.found[-MOST_RECORDS:]]
        is_done = records.broken or not records.used or self._offsets[path] >= size
        return [one for one in read if one is not None], is_done


def find(folder: Path, since: float, most: int = MOST_ENTRIES) -> dict[str, str]:
    """The newest file of each kind that was written since then; the walk ends at so many entries."""
    newest: dict[str, tuple[float, str]] = {}
    waiting, entries = [(str(folder), 0)], 0
    while waiting and entries < most:
        top, depth = waiting.pop(0)
        try:
            with os.scandir(top) as listing:
                for entry in listing:
                    entries += 1
                    if entries >= most:
                        break
                    kind = _kind(entry.name)
                    if kind is not None:
                        at = entry.stat().st_mtime
                        if at >= since and at >= newest.get(kind, (0.0, ""))[0]:
                            newest[kind] = (at, entry.path)
                    elif (
                        depth < DEEPEST
                        and entry.name not in _NOT_INTO
                        and entry.is_dir(follow_symlinks=False)
                    ):
                        waiting.append((entry.path, depth + 1))
        except OSError:
            continue
    return {kind: path for kind, (_, path) in newest.items()}


def _kind(name: str) -> str | None:
    if name in {trainer_state.FILE, metrics_csv.FILE}:
        return name
    return tensorboard.PREFIX if name.startswith(tensorboard.PREFIX) else None
