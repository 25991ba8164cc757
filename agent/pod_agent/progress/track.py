"""One run's progress while it is followed: where in the log we are, its files, the user's own way, and the course.

Driven from outside, one look at a time. Not here: the thread, money, and telling anybody (``reader``).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.progress import asked, course, kept, recognise
from pod_agent.progress.lines import Lines
from pod_agent.progress.places import Places
from pod_agent.progress.reading import Began, Reading, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pod_agent.outputs.masked import MaskedLog
    from pod_agent.progress.lines import Line
    from pod_agent.progress.subject import Subject
    from pod_wire.clock import Clock

MOST = 128 << 10  # bytes of the log at one look: of more, the newest
BACK = 256 << 10  # read again where nobody knows how far we were
LATE = 32 << 10  # more than this at the first look was not written just now
SAID_ENOUGH = (Source.ASKED, Source.JSON, Source.LINE, Source.BAR)
_log = logging.getLogger("podkeep")


class Track:
    """``subject`` is replaced by whoever drives it; its job and run stay the same."""

    def __init__(self, subject: Subject, log: MaskedLog, clock: Clock) -> None:
        self.subject = subject
        self.log = log
        self._clock = clock
        mark = kept.load(subject.state)
        self.course = mark.course if mark.course.run in {"", subject.run} else course.Course(run=subject.run)
        self.course = replace(self.course, run=subject.run)
        self._mark = mark
        self._offset: int | None = None  # not found yet
        self._lines = Lines()
        self._places = Places(subject.folder, subject.run_began_at)
        told = subject.asked
        self._pattern = asked.Pattern(told) if told and asked.is_pattern(told) else None
        self._command = (
            asked.Asking(told, subject.folder, subject.env) if told and self._pattern is None else None
        )

    def notes(self) -> tuple[str, ...]:
        """What of the user's way does not work."""
        found = [one.trouble for one in (self._pattern, self._command) if one is not None]
        return tuple(text for text in found if text)

    def look(self) -> None:
        """What is new in the log; then the files, where the log says too little."""
        self._follow()
        if not self.subject.is_running:
            return
        mono = self._clock.monotonic()
        if self._command is not None:
            self._take([self._command.look(mono)], timed=True)
        if self._says_too_little():
            self._take(self._places.look(mono), timed=True)

    def save(self) -> None:
        """So that the next agent goes on here. A disk that takes nothing costs a curve."""
        try:
            mark = kept.Bookmark(self.course, self.log.id, self._offset or 0)
            if mark != self._mark:
                kept.save(self.subject.state, mark)
                self._mark = mark
        except OSError as error:
            _log.warning("progress=unwritten error=%r", str(error))

    def close(self) -> None:
        """End the pattern's process, and keep what is known."""
        if self._pattern is not None:
            self._pattern.close()
        self.save()

    def _follow(self) -> None:
        try:
            view = self.log.view()
        except FileNotFoundError:
            return
        with view:
            end = view.end()
            is_first = self._offset is None
            if self._offset is None:
                same = (
                    self._mark.log == self.log.id
                    and self._mark.offset <= end
                    and self._mark.course == self.course
                )
                self._offset = self._mark.offset if same else max(0, end - BACK)
            if self._offset > end:
                self._offset = 0  # another log under this name
            timed = not is_first or end - self._offset <= LATE
            most = BACK if is_first else MOST
            if end - self._offset > most:
                self._lines.cut()
                self._offset = end - most
            data = view.read(self._offset, most)
        self._offset += len(data)
        if data:
            self._read(self._lines.feed(data), timed=timed)

    def _read(self, lines: Sequence[Line], *, timed: bool) -> None:
        if self._pattern is not None:
            said = self._pattern.read(lines)
            began = [found for line in lines if isinstance(found := recognise.read(line), Began)]
            self._take([*began, *said], timed=timed)
            if self._pattern.trouble is None:
                return
        self._take([recognise.read(line) for line in lines], timed=timed)
        rest = self._lines.open()
        if recognise.is_whole_bar(rest):
            self._take([recognise.read(rest)], timed=timed)

    def _take(self, found: Sequence[Reading | Began | None], *, timed: bool) -> None:
        now, state = self._clock.now(), self.course
        for one in found:
            if isinstance(one, Began):
                if one.run == self.subject.run:
                    state = course.began(state, one)
            elif one is not None:
                state = course.advance(state, one, now, timed=timed)
        self.course = state

    def _says_too_little(self) -> bool:
        lead = course.leading(self.course)
        is_told = lead is not None and lead.source in {source.value for source in SAID_ENOUGH}
        return not is_told or course.total(self.course) is None
