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
WRITTEN = 5  # looks: what was noted is written at each so many-th, and with the last one


class LogIndex:
    """The file, and what is still to be written into it. One writer; any number of readers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[float, int] | None = None
        self._owed: tuple[tuple[float, int], ...] = ()  # found by our readers, and lost with us

    def note(self, when: float, offset: int) -> bool:
        """Remember that the log held ``offset`` bytes at ``when``; False where nothing grew since the last.

        A clock that jumps back is recorded as standing still, so that the file stays sorted.
        """
        last = self._last = self._last or self._newest()
        if last is not None and last[1] == offset:
            return False
        self._last = (max(when, last[0]) if last is not None else when, offset)
        self._owed = (*self._owed, self._last)
        return True

    def flush(self) -> None:
        """Write what was noted. A disk that does not take it costs these pairs only."""
        owed = self._owed
        if not owed:
            return
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                whole = os.fstat(fd).st_size // PAIR.size
                os.pwrite(fd, b"".join(PAIR.pack(*pair) for pair in owed), whole * PAIR.size)
            finally:
                os.close(fd)
        finally:
            self._owed = ()

    def _newest(self) -> tuple[float, int] | None:
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            whole = os.fstat(fd).st_size // PAIR.size
            return _pair(fd, whole - 1) if whole else None
        finally:
            os.close(fd)

    def find(self, when: float) -> int:
        """The size of the log at the last recorded moment not after ``when``; 0 where there is none."""
        for then, offset in reversed(self._owed):
            if then <= when:
                return offset
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
        self._last, self._owed = None, ()
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
        self._looks = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-index", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def tick(self, *, is_last: bool = False) -> None:
        """One look. A disk that is full or gone costs some pairs only."""
        self._looks += 1
        try:
            if size := self._size():
                self._index.note(self._now(), size)
            if is_last or self._looks % WRITTEN == 0:
                self._index.flush()
        except OSError:
            return

    def _run(self) -> None:
        """Sleeps, as a wake from an event costs half as much again; its end is heard a second later."""
        is_last = False
        while not is_last:
            time.sleep(until_beat(time.monotonic(), EVERY_S, AFTER_S))
            is_last = self._over.is_set()
            self.tick(is_last=is_last)
