"""The current job's log on its way out: its size for the status, its index for ``since``, its mirror on stdout.

One job at a time. Everything that touches the workspace runs in threads that nobody waits for.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pod_agent.outputs import log_size
from pod_agent.outputs.log import JobLog
from pod_agent.outputs.log_index import IndexKeeper
from pod_agent.outputs.masked import MaskedLog
from pod_agent.outputs.mirror import Mirror
from pod_wire.status import LogPlace

TOLD = 5  # looks of the index: each so many-th tells the log's place anew
WEIGH_S = 30.0  # between two looks at how much is free beside it

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_agent.run.folders import Folders
    from pod_wire.clock import Clock
    from pod_wire.masker import Masker


class Outlet:
    """Where a job's log leaves. ``live`` says whether an attempt lives; ``tell`` gets the log's place as it grows.

    ``warn`` is called once for a log that has become large.
    """

    def __init__(
        self,
        folders: Folders,
        masker: Masker,
        clock: Clock,
        *,
        live: Callable[[], bool],
        tell: Callable[[LogPlace], None],
        write: Callable[[bytes], None],
        warn: Callable[[str], None] = lambda _: None,
        free: Callable[[Path], int] = log_size.free_bytes,
    ) -> None:
        self._folders = folders
        self._masker = masker
        self._clock = clock
        self._live = live
        self._tell = tell
        self._write = write
        self._warn = warn
        self._free = free
        self._warned: str | None = None  # the log that was called large
        self._lock = threading.Lock()
        self._job: str | None = None
        self._log: MaskedLog | None = None
        self._mirror: Mirror | None = None
        self._index: IndexKeeper | None = None
        self._looks = 0
        self._weighs_at = 0.0

    def of(self, job: str) -> MaskedLog:
        """The masked log of any job; whether there is one, is found out by opening it."""
        with self._lock:
            if self._log is not None and job == self._job:
                return self._log
        return MaskedLog(JobLog(self._folders.of(job).path), self._masker, lambda: False)

    def turn_to(self, job: str) -> None:
        """From now on this job's. What its log holds already is not mirrored again."""
        log = JobLog(self._folders.of(job).path)
        try:
            log.create()
            start = log.size()
        except OSError:
            start = 0  # told by whoever wants to write into it
        masked = MaskedLog(log, self._masker, self._live)
        mirror = Mirror(masked, self._write, self._clock, start)
        index = IndexKeeper(log.index, lambda: self._sized(log), self._clock.now)
        with self._lock:
            old = (self._mirror, self._index)
            self._job, self._log, self._mirror, self._index = job, masked, mirror, index
            self._weighs_at = 0.0
        for each in old:
            if each is not None:
                each.stop()
        self.measure()
        mirror.start()
        index.start()

    def measure(self) -> None:
        """Tell the log's place as it is now."""
        try:
            self._measured()
        except OSError:
            return  # there is no log yet, or no disk: the next look tells

    def _sized(self, log: JobLog) -> int:
        """For the index, each second. What may be served of it is dearer to know, and told at each fifth look."""
        self._looks += 1
        if self._looks % TOLD == 0:
            self.measure()
        return log.size()

    def _measured(self) -> None:
        job, log = self._job, self._log
        if job is None or log is None:
            return
        now, place = self._clock.monotonic(), LogPlace(log.id, log.end())
        self._tell(place)
        if self._warned != place.id and now >= self._weighs_at:
            self._weighs_at = now + WEIGH_S
            self._weigh(job, place, self._free(log.log.path.parent))

    def _weigh(self, job: str, place: LogPlace, free: int) -> None:
        text = log_size.warning(job, place.size, free)
        with self._lock:
            if text is None or self._warned == place.id:
                return
            self._warned = place.id
        self._warn(text)

    def close(self, within_s: float = 1.0) -> None:
        """Mirror what is left."""
        if self._index is not None:
            self._index.stop()
        if self._mirror is not None:
            self._mirror.stop(within_s)
