"""Follows a job's log and files in a thread of its own, every five seconds, and tells what they add up to.

Whoever asks how it stands makes it look at once, so that who keeps asking sees each step.

Nothing waits for it: a workspace that hangs holds this thread only. Not here: reading a line (``recognise``), adding
up (``course``), and who the job is (``subject``).
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from pod_agent.outputs.growth import Growth
from pod_agent.progress import portrait
from pod_agent.progress.money import money
from pod_agent.progress.track import Track
from pod_wire.bell import Bell
from pod_wire.clock import until_beat

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.outputs.masked import MaskedLog
    from pod_agent.progress.course import Course
    from pod_agent.progress.subject import Subject
    from pod_wire.clock import Clock
    from pod_wire.status import Money, Progress

PACE_S = 5.0  # between two looks where nobody asks, up to a second less
ASKED_S = 2.0  # where somebody does
BEAT_S, AFTER_S = 1.0, 0.06
SAVE_S, SAVE_RESTING_S = 30.0, 60.0
log = logging.getLogger("podkeep")


class ProgressReader:
    """``subject`` gives the job at hand; ``tell`` gets the run and what is known of it, when that has changed."""

    def __init__(
        self,
        subject: Callable[[], Subject | None],
        log_of: Callable[[str], MaskedLog],
        clock: Clock,
        tell: Callable[[str, Progress | None, Money | None], None],
        pace_s: float = PACE_S,
    ) -> None:
        self._subject = subject
        self._log_of = log_of
        self._clock = clock
        self._tell = tell
        self._pace_s = pace_s
        self._over = threading.Event()
        self._bell = Bell()
        self._looks = threading.Condition()
        self._begun = self._done = 0
        self._looked_at = clock.monotonic()
        self._track: Track | None = None
        self._saved_at = clock.monotonic()
        self._told: tuple[str, Progress | None, Money | None] | None = None
        self._was_running = False
        self._failed = ""

    def start(self) -> None:
        threading.Thread(target=self._run, name="progress", daemon=True).start()

    def stop(self) -> None:
        """No more tellings. A look that hangs on a dead mount is left behind."""
        self._over.set()
        self._bell.ring()

    def asked(self) -> None:
        """Somebody wants to know how it stands: a look now, unless one was made just before. Returns at once."""
        if self._clock.monotonic() - self._looked_at >= ASKED_S:
            self._bell.ring()

    def catch_up(self, limit_s: float) -> bool:
        """A look that begins after now, so that what was written until now is read; waited for no longer than this.

        False: it has not ended in that time.
        """
        with self._looks:
            wanted = self._begun + 1
            self._bell.ring()
            return self._looks.wait_for(lambda: self._done >= wanted, limit_s)

    def course(self, run: str) -> Course | None:
        """What is known of this run's steps."""
        track = self._track
        return track.course if track is not None and track.subject.run == run else None

    def _run(self) -> None:
        growth: Growth | None = None
        of: str | None = None
        while not self._over.is_set():
            self._try()
            track = self._track
            if growth is None or track is None or of != track.subject.job:
                if growth is not None:
                    growth.close()
                growth = None if track is None else Growth(track.log.log.path)
                of = None if track is None else track.subject.job
            self._rest(growth)
        if growth is not None:
            growth.close()
        if self._track is not None:
            self._track.close()

    def _rest(self, growth: Growth | None) -> None:
        """Until the log has grown and some time has passed; shorter where somebody wants a look."""
        if self._bell.wait(self._pace_s - BEAT_S + until_beat(self._clock.monotonic(), BEAT_S, AFTER_S)):
            return
        bell = self._bell.fileno()
        most_s = self._pace_s if bell is not None else ASKED_S
        if growth is not None:
            growth.wait(most_s, bell)
        else:
            self._bell.wait(most_s)

    def _try(self) -> None:
        self._bell.silence()
        self._looked_at = self._clock.monotonic()
        with self._looks:
            self._begun += 1
        try:
            self.look()
            self._failed = ""
        except Exception as error:  # noqa: BLE001 - a thread's top: the next look tries again
            if str(error) != self._failed:
                log.warning("progress=unread error=%r", str(error))
            self._failed = str(error)
        finally:
            with self._looks:
                self._done = self._begun
                self._looks.notify_all()

    def look(self) -> None:
        """One look. Public for those who drive it themselves."""
        subject = self._subject()
        if subject is None:
            return
        track = self._track
        if track is None or (track.subject.job, track.subject.run) != (subject.job, subject.run):
            if track is not None:
                track.close()
            track = self._track = Track(subject, self._log_of(subject.job), self._clock)
        track.subject = subject
        track.look()
        self._say(track, subject)

    def _say(self, track: Track, subject: Subject) -> None:
        now = self._clock.now()
        seen = portrait.progress(track.course, now, track.notes(), is_running=subject.is_running)
        costs = money(subject.price, subject.boot_s, subject.spent, seen, subject.cap)
        told = (subject.run, seen, costs)
        if told != self._told:
            self._told = told
            self._tell(*told)
        has_turned, self._was_running = subject.is_running != self._was_running, subject.is_running
        patience = SAVE_S if subject.is_running else SAVE_RESTING_S
        if has_turned or self._clock.monotonic() - self._saved_at >= patience:
            self._saved_at = self._clock.monotonic()
            if subject.is_running or has_turned:
                track.save()
