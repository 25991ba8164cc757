"""Follows a job's log by byte offset until its end is proved: nothing lost, nothing repeated, over any number of cuts.

One thread reads the stream and writes to stdout; a second asks for the status once a second and wakes the first when
the job has ended, the pod is gone, or something in between holds the stream back.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from pod_client.interrupts import Unheard
from pod_wire.errors import Broken, Conflict, NotFound, RateLimited, Unreachable
from pod_wire.frozen import dataclass
from pod_wire.status import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_client.stdout import Sink
    from pod_client.stream import LogStream
    from pod_wire.status import JobStatus, Status

ENDED = (Phase.FINISHED, Phase.STOPPING, Phase.WAITING)
POLL_BYTES = 4 << 20
OK = 200  # the other one that a source may return is 416: no such offset


class Source(Protocol):
    """What a follower asks; the agent's API is the one there is."""

    def status_for(self, job: str) -> Status:
        """The pod's status, with this job in it."""

    def open_log(
        self,
        job: str,
        offset: int | None,
        *,
        follow: bool,
        limit: int | None = None,
        tail: int | None = None,
        since: float | None = None,
    ) -> LogStream:
        """The log from there on."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long; seconds."""

    status_s: float = 1.0
    silent_s: float = 3.0  # a stream that owes bytes for so long is being held back
    polling_s: float = 60.0  # then offsets are polled for so long before a stream is tried again
    poll_s: float = 0.5
    backoff_first_s: float = 0.05
    backoff_most_s: float = 1.0
    ask_provider_s: float = 5.0
    say_s: float = 30.0  # a pod that has not answered for so long is spoken of


@dataclass(frozen=True, slots=True)
class Begin:
    """Where to begin: at an offset (of that log, when ``log_id`` names one), or at the last lines, or at a time."""

    offset: int | None = 0
    tail: int | None = None
    since: float | None = None
    log_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How following ended. ``complete`` means: the job has an outcome and every byte of its log was passed on."""

    status: Status | None
    offset: int
    complete: bool
    gone: str | None  # why the pod cannot be asked any more, in words


class Follower:
    """``gone`` says why the pod can no longer be asked, or None; the outcome of ``stale_order`` does not count."""

    def __init__(
        self,
        source: Source,
        job: str,
        sink: Sink,
        warn: Callable[[str], None],
        gone: Callable[[], str | None],
        *,
        stale_order: str | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._source = source
        self._job = job
        self._sink = sink
        self._warn = warn
        self._ask_provider = gone
        self._stale_order = stale_order
        self._pace = pace or Pace()
        self._offset: int | None = None
        self._log_id: str | None = None
        self.status: Status | None = None
        self._gone: str | None = None
        self._error: Exception | None = None
        self._answered_at = time.monotonic()
        self._stream: LogStream | None = None
        self._reading_since: float | None = None
        self._polling_until = 0.0
        self._grown_at: int | None = None
        self._wake = threading.Event()
        self._leave = threading.Event()
        self._ask_now = threading.Event()
        self._signals = Unheard()

    def run(self, begin: Begin | None = None) -> Ending:
        with self._signals:
            return self._run(begin or Begin())

    def _run(self, begin: Begin) -> Ending:
        self._offset, self._log_id = begin.offset, begin.log_id
        watch = threading.Thread(target=self._watch, name="status", daemon=True)
        watch.start()
        pause = self._pace.backoff_first_s
        try:
            while not self._is_over():
                came = self._read_once(begin)
                pause = self._pace.backoff_first_s if came else min(pause * 2, self._pace.backoff_most_s)
                if not came and not self._is_over():
                    self._wake.wait(pause)
                    self._wake.clear()
            self._sink.close()
        finally:
            self._leave.set()
            self._ask_now.set()
            self._shut_down()
        if self._error is not None:
            raise self._error
        done = self._job_ended() and self._has_all()
        return Ending(self.status, self._offset or 0, complete=done, gone=None if done else self._gone)

    def silent_s(self) -> float:
        """For how long the pod has not said how it is."""
        return time.monotonic() - self._answered_at

    # -- the log ------------------------------------------------------------------------------------------------

    def _read_once(self, begin: Begin) -> bool:
        """One answer, from its opening to its end. True when it brought bytes."""
        polling = time.monotonic() < self._polling_until
        fresh = self._offset is None  # the first answer tells where the tail, or that time, begins
        try:
            stream = self._source.open_log(
                self._job,
                self._offset,
                follow=not polling,
                limit=POLL_BYTES if polling else None,
                tail=begin.tail if fresh else None,
                since=begin.since if fresh else None,
            )
        except RateLimited:  # too many follow it: ranges are served to everybody
            self._polling_until = time.monotonic() + self._pace.polling_s
            return False
        except (Unreachable, Broken, NotFound, Conflict):
            return False  # a proxy without its pod, an agent just starting, a job without a log yet: again
        self._stream = stream
        try:
            if not self._settle(stream):
                return False
            came = self._pump(stream)
        finally:
            self._stream = None
            self._reading_since = None
            stream.close()
            if not polling:
                self._ask_now.set()  # an answer that ends may be the last: no need to wait for the next second
        if polling:
            self._leave.wait(0 if came >= POLL_BYTES else self._pace.poll_s)
        return came > 0 or polling

    def _settle(self, stream: LogStream) -> bool:
        """Is this the log we know, and does it go on where we are? False: ask again."""
        if stream.log_id is not None and self._log_id is not None and stream.log_id != self._log_id:
            self._warn(
                f"the log of job '{self._job}' is another file now (its volume was lost?): starting at 0"
            )
            self._log_id = stream.log_id
            self._offset = 0
            return stream.status == OK and stream.start == 0
        self._log_id = stream.log_id or self._log_id
        begins = stream.start if stream.status == OK else stream.end
        if self._offset is None:
            self._offset = begins or 0
        elif begins is not None and begins != self._offset:
            self._warn(
                f"the log goes on at byte {begins}, not at {self._offset}: its end was lost on the pod"
            )
            self._offset = begins
        return stream.status == OK

    def _pump(self, stream: LogStream) -> int:
        """Every byte is written before it is counted, and counted before the next is read."""
        came = 0
        while not self._is_over():
            self._reading_since = time.monotonic()
            data = stream.read()
            self._reading_since = None
            if not data:
                break
            self._sink.write(data)
            self._offset = (self._offset or 0) + len(data)
            came += len(data)
        return came

    # -- the status ---------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        failures = 0
        asked_at = said_at = 0.0
        while not self._leave.is_set():
            try:
                self.status = self._source.status_for(self._job)
                failures, self._answered_at = 0, time.monotonic()
                self._judge(self.status)
            except (Unreachable, Broken, NotFound, Conflict, RateLimited) as error:
                failures += 1
                now = time.monotonic()
                if failures > 1 and now - asked_at >= self._pace.ask_provider_s:
                    asked_at = now
                    self._gone = self._ask_provider()
                    if self._gone is not None:
                        self._shut_down()
                if self._gone is None and now - max(self._answered_at, said_at) > self._pace.say_s:
                    said_at = now + 9 * self._pace.say_s  # ten times as long until it is said again
                    self._warn(
                        f"the pod has not answered for {self.silent_s():.0f} s ({error.message}); asking on. "
                        "Ctrl-C ends this, not the pod"
                    )
            except Exception as error:  # noqa: BLE001 - a thread's top; BadInput: a newer podkeep than we can read
                self._error = error
                self._shut_down()
            if self._signals.came():
                self._shut_down()  # the main thread answers it as soon as it has not to read
            self._ask_now.wait(self._pace.status_s)
            self._ask_now.clear()

    def _judge(self, status: Status) -> None:
        if self._is_over():
            self._shut_down()
            return
        size = status.job.log.size if status.job and status.job.log else 0
        since = self._reading_since
        owed = self._offset is not None and size > self._offset
        silent = since is not None and time.monotonic() - since > self._pace.silent_s
        if owed and silent and self._grown_at == self._offset:
            self._polling_until = time.monotonic() + self._pace.polling_s
            self._shut_down()
        self._grown_at = self._offset if owed else None

    def _current(self) -> JobStatus | None:
        job = self.status.job if self.status else None
        return job if job is not None and job.name == self._job else None

    def _job_ended(self) -> bool:
        job = self._current()
        if job is None or job.outcome is None or job.phase not in ENDED:
            return False
        return self._stale_order is None or job.order != self._stale_order

    def _has_all(self) -> bool:
        job = self._current()
        if job is None or job.log is None:
            return job is not None
        if self._log_id is not None and job.log.id != self._log_id:
            return False
        return self._offset is not None and self._offset >= job.log.size

    def _is_over(self) -> bool:
        return self._gone is not None or self._error is not None or (self._job_ended() and self._has_all())

    def _shut_down(self) -> None:
        """Wake the reader wherever it waits."""
        self._wake.set()
        stream = self._stream
        if stream is not None:
            stream.shutdown()
