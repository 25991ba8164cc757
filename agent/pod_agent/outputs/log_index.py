"""When which byte of the log was there: (time, offset) pairs, one per second of growth, sixteen bytes each.

Not here: the log itself. A lost or torn index costs precision of ``since``, never a byte of the log.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from typing import TYPE_CHECKING

from pod_wire.clock import until_beat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAIR = struct.Struct("<dQ")
EVERY_S = 1.0
AFTER_S = 0.02  # the beat


class LogIndex:
    """The file. One writer; any number of readers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[float, int] | None = None

    def note(self, when: float, offset: int) -> bool:
        """Record that the log held ``offset`` bytes at ``when``; False where nothing grew since the last.

        A clock that jumps back is recorded as standing still, so that the file stays sorted.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            whole = os.fstat(fd).st_size // PAIR.size
            last = self._last or (_pair(fd, whole - 1) if whole else None)
            if last is not None and last[1] == offset:
                self._last = last
                return False
            pair = (max(when, last[0]) if last is not None else when, offset)
            os.pwrite(fd, PAIR.pack(*pair), whole * PAIR.size)
            self._last = pair
        finally:
            os.close(fd)
        return True

    def find(self, when: float) -> int:
        """The size of the log at the last recorded moment not after ``when``; 0 where there is none."""
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0
        try:
            low, high = 0, os.fstat(fd).st_size // PAIR.size
            while low < high:
                middle = (low + high) // 2
                if _pair(fd, middle)[0] <= when:
                    low = middle + 1
                else:
                    high = middle
            return _pair(fd, low - 1)[1] if low else 0
        finally:
            os.close(fd)

    def clear(self) -> None:
        """Forget everything: the log it spoke of is gone."""
        self._last = None
        self._path.unlink(missing_ok=True)


def _pair(fd: int, number: int) -> tuple[float, int]:
    when, offset = PAIR.unpack(os.pread(fd, PAIR.size, number * PAIR.size))
    return float(when), int(offset)


class IndexKeeper:
    """Notes the log's size once a second while it grows, in its own thread: a hung mount holds only it."""

    def __init__(self, index: LogIndex, size: Callable[[], int], now: Callable[[], float]) -> None:
        self._index = index
        self._size = size
        self._now = now
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-index", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def tick(self) -> None:
        """One look. A disk that is full or gone costs this pair only."""
        try:
            if size := self._size():
                self._index.note(self._now(), size)
        except OSError:
            return

    def _run(self) -> None:
        """Sleeps, as a wake from an event costs half as much again; its end is heard a second later."""
        while True:
            time.sleep(until_beat(time.monotonic(), EVERY_S, AFTER_S))
            if self._over.is_set():
                return
            self.tick()
