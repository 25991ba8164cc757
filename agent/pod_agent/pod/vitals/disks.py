"""How full the places are that fill up apart: workspace, container's disk, /dev/shm. A hung mount holds nobody up.

Each place is asked by a thread of its own, as one that hangs in the kernel cannot be called back.
"""

from __future__ import annotations

import os
import queue
import threading
from typing import TYPE_CHECKING

from pod_agent.pod.vitals.sample import Disk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pod_wire.clock import Clock

EVERY_S = 9.5  # at every other look: those come every five seconds, and none comes to the millisecond
SILENT_S = 4.5  # the look behind the one that asked
WAIT_S = 0.05  # a disk answers in microseconds; one that takes longer is told of at the next look


class DiskWatch:
    """``look`` is one thread's, and asks each place once in ten seconds."""

    def __init__(
        self,
        places: Mapping[str, Path],
        clock: Clock,
        statvfs: Callable[[Path], os.statvfs_result] = os.statvfs,
    ) -> None:
        self._clock = clock
        self._places = [_Place(name, path, statvfs) for name, path in places.items()]

    def look(self) -> tuple[Disk, ...]:
        now = self._clock.monotonic()
        for place in self._places:
            place.ask(now)
        return tuple(place.told(now) for place in self._places)


class _Place:
    def __init__(self, name: str, path: Path, statvfs: Callable[[Path], os.statvfs_result]) -> None:
        self._name = name
        self._path = path
        self._statvfs = statvfs
        self._asked_at: float | None = None
        self._questions: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._answered = threading.Event()
        self._answered.set()
        self._thread: threading.Thread | None = None
        self._disk = Disk(name)

    def ask(self, now: float) -> None:
        """Unless it still owes an answer, or has given one lately."""
        if not self._answered.is_set() or (self._asked_at is not None and now - self._asked_at < EVERY_S):
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._answer, name=f"disk-{self._name}", daemon=True)
            self._thread.start()
        self._asked_at = now
        self._answered.clear()
        self._questions.put(None)

    def told(self, now: float) -> Disk:
        if self._answered.wait(WAIT_S) or now - (self._asked_at or now) <= SILENT_S:
            return self._disk
        return Disk(self._name, is_silent=True)

    def _answer(self) -> None:
        while True:
            self._questions.get()
            self._disk = self._measured()
            self._answered.set()

    def _measured(self) -> Disk:
        try:
            found = self._statvfs(self._path)
        except OSError:  # not there, or gone
            return Disk(self._name)
        if not found.f_blocks:  # a file system that keeps no count
            return Disk(self._name)
        return Disk(
            self._name,
            size_bytes=found.f_blocks * found.f_frsize,
            free_bytes=found.f_bavail * found.f_frsize,
            files_free=found.f_favail if found.f_files else None,
        )
