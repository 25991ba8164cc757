"""One run's progress while it is followed: where in the log we are, its files, the user's own way, and the course.

Driven from outside, one look at a time. Not here: the thread, money, and telling anybody (``reader``).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.progress import asked, course, kept, recognise, thin
from pod_agent.progress.lines import Lines, whole
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
HEADER = b"podkeep: attempt "
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
        self._is_mine = False  # whether the log is at this run's lines
        self._lines = Lines()
        self._folder = subject.folder
        self._places = Places(subject.folder, subject.run_began_at)
        self._told: str | None = None
        self._pattern: asked.Pattern | None = None
        self._command: asked.Asking | None = None
        self._does_match = False
        self._turn_to(subject)

    def notes(self) -> tuple[str, ...]:
        """What of the user's way does not work."""
        found = [one.trouble for one in (self._pattern, self._command) if one is not None]
        return tuple(text for text in found if text)

    def look(self) -> None:
        """What is new in the log; then the files, where the log says too little."""
        self._turn_to(self.subject)
        self._follow()
        if not self.subject.is_running:
            return
        mono = self._clock.monotonic()
        if self._command is not None:
            self._add(self._command.look(mono))
        if self._says_too_little():
            for one in self._places.look(mono):
                self._add(one)

    def save(self) -> None:
        """So that the next agent goes on here. A disk that takes nothing costs a curve."""
        try:
            read = max(0, (self._offset or 0) - self._lines.held)
            mark = kept.Bookmark(self.course, self.log.id, read)
            if mark != self._mark:
                kept.save(self.subject.state, mark)
                self._mark = mark
        except OSError as error:
            _log.warning("progress=unwritten error=%r", str(error))

    def close(self) -> None:
        """End the pattern's process, and keep what is known."""
        self._end_pattern()
        self.save()

    def _end_pattern(self) -> None:
        if self._pattern is not None:
            self._pattern.close()

    def _turn_to(self, subject: Subject) -> None:
        """Folder, environment and POD_PROGRESS change with steps and orders: none is kept from the first look."""
        if self._folder != subject.folder:
            self._folder = subject.folder
            self._places = Places(subject.folder, subject.run_began_at)
        if self._told != subject.asked:
            self._end_pattern()
            told = self._told = subject.asked
            self._pattern = asked.Pattern(told) if told and asked.is_pattern(told) else None
            self._command = (
                asked.Asking(told, subject.folder, subject.env) if told and self._pattern is None else None
            )
            self._does_match = False
        elif self._command is not None:
            self._command.turn_to(subject.folder, subject.env)

    def _follow(self) -> None:
        try:
            view = self.log.view()
        except FileNotFoundError:
            return
        with view:
            end = view.end()
            is_first, is_torn = self._offset is None, False
            if self._offset is None:
                self._offset, self._is_mine, is_torn = self._begin(end)
            if self._offset > end:
                self._offset = 0  # another log under this name
            timed = not is_first or end - self._offset <= LATE
            most = BACK if is_first else MOST
            if end - self._offset > most:
                self._lines.cut()
                self._offset, is_torn = end - most, True
                self._is_mine = (
                    self._is_mine or self.subject.is_running
                )  # the header may be in what is left out
            data = view.read(self._offset, most)
        self._offset += len(data)
        if is_first and not self._is_mine:
            self._is_mine = self.subject.is_running and HEADER not in data
        if data:
            self._read(self._lines.feed(whole(data) if is_torn else data), timed=timed)

    def _begin(self, end: int) -> tuple[int, bool, bool]:
        """Where the last reader was, or a bounded way back; whether that is amid this run, and amid a line."""
        mark = self._mark
        if mark.log == self.log.id and mark.offset <= end and mark.course == self.course:
            return mark.offset, bool(mark.course.attempt), False
        return max(0, end - BACK), False, end > BACK

    def _read(self, lines: Sequence[Line], *, timed: bool) -> None:
        if self._pattern is not None:
            said = self._pattern.read(lines)
            self._does_match = self._does_match or any(one is not None for one in said)
            headers = [line for line in lines if line.text.startswith("podkeep: ")]
            began = [found for line in headers if isinstance(found := recognise.read(line), Began)]
            self._take([*began, *said], timed=timed)
            if self._does_match and self._pattern.trouble is None:
                return  # until it has found something, what else is said is better than nothing
        self._take([recognise.read(line) for line in thin.lines(lines)], timed=timed)
        rest = self._lines.open()
        if recognise.is_whole_bar(rest):
            self._take([recognise.read(rest)], timed=timed)

    def _take(self, found: Sequence[Reading | Began | None], *, timed: bool) -> None:
        """From the log: what stands below another run's header is that run's."""
        now = self._clock.now()  # of one look: of what it finds the last counts for the pace
        for one in thin.readings(found):
            if isinstance(one, Began):
                self._is_mine = one.run == self.subject.run
                if self._is_mine:
                    self.course = course.began(self.course, one)
            elif self._is_mine:
                self.course = course.advance(self.course, one, now, timed=timed)

    def _add(self, one: Reading | None) -> None:
        if one is not None:
            self.course = course.advance(self.course, one, self._clock.now())

    def _says_too_little(self) -> bool:
        lead = course.leading(self.course)
        is_told = lead is not None and lead.source in {source.value for source in SAID_ENOUGH}
        return not is_told or course.total(self.course) is None
