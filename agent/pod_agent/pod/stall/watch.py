"""Looks at the running attempt time and again, counts its silence, and says when it is a stall. One thread's.

Time that nobody looked at does not count: an agent that was stopped, or died and came back, goes on where it was, as
far as nothing has moved since. Not here: the rules (``measure``, ``fold``), and what is done about a stall.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod.stall import fold, kept, measure, words
from pod_agent.pod.stall.fold import Memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_agent.pod.stall.raw import Raw
    from pod_agent.pod.stall.sources import Sources
    from pod_agent.pod.stall.subject import Subject
    from pod_wire.clock import Clock
    from pod_wire.stall import StallStatus

LEAST_S, MOST_S = 1.0, 30.0  # between two looks
LOOKS = 20.0  # in the time that makes a stall
LATE = 2.5  # a look that comes later than so many pauses counts as coming then
DEEP = 4  # of so many looks, one goes into the job's files once a quarter of the time is silent
KEEP_S = 10.0
HELD = "The log's disk takes nothing: that is waited for, and this brake does not count."
log = logging.getLogger("podkeep")


class Watch:
    """``subject`` is None while there is nothing to look at; ``act`` is given the subject and why.

    ``hold_s``: how long at most the time does not count while the log's disk takes nothing.
    """

    def __init__(
        self,
        run_dir: Path,
        clock: Clock,
        sources: Sources,
        *,
        boot: Callable[[], str | None],
        subject: Callable[[], Subject | None],
        publish: Callable[[StallStatus | None], None],
        act: Callable[[Subject, str], None],
        hold_s: float,
    ) -> None:
        self._run_dir = run_dir
        self._clock = clock
        self._sources = sources
        self._boot = boot
        self._subject = subject
        self._publish = publish
        self._act = act
        self._hold_s = hold_s
        self._memory: Memory | None = None
        self._raw: Raw | None = None
        self._looks = 0
        self._kept_at: float | None = None
        self._told: str | None = None

    def try_to_look(self) -> float:
        """A look, whatever becomes of it; how long to wait for the next one."""
        subject: Subject | None = None
        try:
            subject = self._subject()
            self.look(subject)
            self._told = None
        except Exception as error:  # noqa: BLE001 - a thread's top: the next look tries again
            if str(error) != self._told:
                log.warning("stall=unlooked error=%r", str(error))
            self._told = str(error)
        return MOST_S / 6 if subject is None else pause(subject.minutes)

    def look(self, subject: Subject | None) -> None:
        """Once."""
        if subject is None or subject.minutes <= 0:
            if self._memory is not None:
                self._publish(None)
            self._memory = self._raw = None
            return
        if subject.is_stalled:
            self._act(subject, "")
            return
        memory, before = self._known(subject)
        patience_s = subject.minutes * words.MINUTE_S
        raw = self._sources.look(
            subject, before, self._clock.monotonic(), is_deep=self._goes_deep(memory, subject)
        )
        held = None
        if before is not None:
            span = min(max(0.0, raw.at - before.at), LATE * pause(subject.minutes))
            held_s = memory.held_s + span if measure.is_held(before, raw) else 0.0
            held = HELD if 0 < held_s <= self._hold_s else None
            memory = fold.fold(memory, measure.read(before, raw), 0.0 if held else span, patience_s)
            memory = replace(memory, held_s=held_s)
        self._memory, self._raw = memory, raw
        self._keep(memory, raw)
        self._publish(words.status(memory, subject.minutes, self._clock.now(), subject.earlier, held))
        if held is None and fold.is_stalled(memory, patience_s):
            self._act(subject, words.reason(memory))

    def _known(self, subject: Subject) -> tuple[Memory, Raw | None]:
        """What is remembered of this attempt, by us or by an agent before us."""
        if self._memory is not None and self._memory.attempt == subject.attempt:
            return self._memory, self._raw
        self._looks, boot = 0, self._boot()
        mono = self._clock.monotonic()
        found = None if boot is None else kept.read(self._run_dir, boot, subject.attempt, mono)
        return (Memory(subject.attempt), None) if found is None else (found.memory, found.raw)

    def _goes_deep(self, memory: Memory, subject: Subject) -> bool:
        """Into open files and the job's folder: dearer, and needed only where all else is silent."""
        patience_s, pause_s = subject.minutes * words.MINUTE_S, pause(subject.minutes)
        if memory.silent_s + memory.unknown_s < patience_s / 4 - pause_s:
            return False
        self._looks += 1
        is_last = patience_s - memory.silent_s <= 2 * LATE * pause_s
        return is_last or self._looks % DEEP == 1

    def _keep(self, memory: Memory, raw: Raw) -> None:
        boot = self._boot()
        if boot is None or (self._kept_at is not None and raw.at - self._kept_at < KEEP_S):
            return
        self._kept_at = raw.at
        kept.write(self._run_dir, kept.Kept(boot, memory, raw))


def pause(minutes: float) -> float:
    """Between two looks."""
    return max(LEAST_S, min(MOST_S, minutes * words.MINUTE_S / LOOKS))
