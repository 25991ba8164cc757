"""Watches for new whole checkpoints while the training lives, and keeps copies of those that are rewritten.

It walks the folder about once a second, more seldom where walking takes long or nothing happens (pace); in between it
looks again at what is being written and at names that are rewritten: a few stats whatever else lies there. A checkpoint
is told of after two equal looks. Only a file that the next save goes over cannot wait for that: as soon as its writer
has closed it, it is copied, and the copy judged; so saves that follow each other faster than looks are kept too.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.find import SUFFIXES, again, find
from pod_agent.outputs.checkpoints.judge import in_order, judge
from pod_agent.outputs.checkpoints.kept import drop, keep, kept, settle, thin, wants_copy
from pod_agent.outputs.checkpoints.records import Records
from pod_agent.outputs.checkpoints.tracked import tracked
from pod_agent.outputs.closings import Closings, Way
from pod_agent.outputs.pace import Pace
from pod_wire.status import CheckpointPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pod_agent.outputs.belonging import Belonging
    from pod_agent.outputs.checkpoints.candidate import Candidate, Part
    from pod_wire.clock import Clock
    from pod_wire.job import JobSpec

_AGAIN = 50  # how many are looked at between two walks, the newest
NEVER, ALWAYS = -1_000_000, 3  # once written in place it is copied ever after; put in place so often, no more
_log = logging.getLogger("podkeep")


class CheckpointWatch:
    """One training's checkpoints. ``post`` is called from its thread, once for each that is newly whole."""

    def __init__(
        self,
        state: Path,
        spec: JobSpec,
        mine: Belonging,
        clock: Clock,
        post: Callable[[CheckpointPlace], None],
    ) -> None:
        self._folder = mine.folder
        self._mine = mine
        self._state = state
        self._glob = spec.checkpoints
        self._clock = clock
        self._post = post
        self._ended = threading.Event()
        self._looking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._records: Records | None = None
        self._ignore: frozenset[str] = frozenset()
        self._looks: dict[Path, Candidate] = {}
        self._resting: dict[Path, float] = {}  # since when nobody was seen writing to it, by our own clock
        self._whole: dict[Path, tuple[Candidate, int | None]] = {}
        self._refused: dict[Path, tuple[Part, ...]] = {}  # judged by its content, and not whole
        self._newest: CheckpointPlace | None = None
        self._told: str | None = None
        self._unsaved = False
        self._met: dict[Path, Candidate] = {}  # since the last walk
        self._moved: dict[Path, int] = {}  # how often a name was put in place whole
        self._closings: Closings | None = None
        self._unsettled: float | None = None  # since when copies may not be on the disk yet

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No more posts after this. A look that hangs on a dead mount is left behind."""
        self._ended.set()
        closings = self._closings
        if closings is not None:
            closings.wake()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def newest(self) -> CheckpointPlace | None:
        """The newest whole one, by step."""
        return self._newest

    def _run(self) -> None:
        self._closings = closings = Closings(self._folder)
        pace = Pace()
        while not self._ended.is_set():
            began = time.monotonic()
            if pace.is_walk_due(began):
                self._try(lambda: self.look(writer_alive=True))
                hears_all = closings.hears_all and self._glob is None  # a pattern may lead anywhere
                pace.walked(began, time.monotonic(), hears_all=hears_all, awaits=self._awaits())
            elif pace.rest_s(began) <= 0:
                self._try(self.look_again)
                pace.looked(began, time.monotonic())
            written = closings.wait(pace.rest_s(time.monotonic()))
            if closings.stirred:
                pace.stirred()
            if written and not self._ended.is_set():
                walks = pace.may_walk_for_a_name(time.monotonic())
                self._try(functools.partial(self.look_closed, written, walks=walks))
        self._closings = None
        closings.close()

    def _try(self, look: Callable[[], None]) -> None:
        try:
            look()
            self._told = None
        except Exception as error:  # noqa: BLE001 - border: the top of a thread; the next look tries again
            if self._told != str(error):
                _log.warning("checkpoints_unreadable reason=%s", error)
            self._told = str(error)

    def look(self, *, writer_alive: bool) -> None:
        """One look. Public for those who drive it themselves, as after the training has ended; one at a time."""
        with self._looking:
            if self._records is None:
                self._records = Records.load(self._state)
                self._ignore = tracked(self._folder)
            found = [one for one in find(self._folder, self._glob, 0.0, self._ignore) if self._mine.owns(one)]
            there = {one.path for one in found}
            self._met = {}
            self._moved = {path: times for path, times in self._moved.items() if path in there}
            self._looks = {path: one for path, one in self._looks.items() if path in there}
            self._whole = {path: one for path, one in self._whole.items() if path in there}
            self._resting = {path: at for path, at in self._resting.items() if path in there}
            self._refused = {path: one for path, one in self._refused.items() if path in there}
            self._take(found, self._records, writer_alive=writer_alive)
            since, self._unsettled = self._unsettled, None
        if since is not None:
            settle(self._state, since)

    def look_closed(self, written: Mapping[Path, Way], *, walks: bool = True) -> None:
        """These files were just closed by their writer: those that the next save goes over are copied at once."""
        with self._looking:
            records = self._records
            if records is None:
                return
            if walks and any(path.suffix in SUFFIXES and path not in self._looks for path in written):
                found = find(self._folder, self._glob, 0.0, self._ignore)
                self._met = {one.path: one for one in found}  # met, not looked at: looks are a second apart
            for path, way in written.items():
                one = self._looks.get(path) or self._met.get(path)
                if one is None or not one.is_file:
                    continue
                if way is not Way.UNSEEN:
                    self._moved[path] = self._moved.get(path, 0) + 1 if way is Way.MOVED else NEVER
                now = again(one)
                if now is not None and not records.is_known(now) and self._mine.owns(now):
                    self._take_closed(now, records)

    def _take_closed(self, candidate: Candidate, records: Records) -> None:
        """By its content, and by a copy under which it did not move: that copy is whole whatever comes after."""
        judged = judge(candidate, records, writer_alive=False)
        if not judged.whole or not self._is_written_over(candidate, judged.step, records):
            return
        if self._copied(candidate, judged.step, records):
            self._looks[candidate.path] = candidate
            self._whole[candidate.path] = (candidate, judged.step)
            self._tell([(candidate, judged.step)], records)

    def look_again(self) -> None:
        """Without walking: what was not whole at the last look, and what the next save goes over."""
        with self._looking:
            records = self._records
            if records is None:
                return
            some = [one for one in self._looks.values() if self._may_change(one, records)]
            some = sorted(some, key=lambda one: one.mtime)[-_AGAIN:]
            self._take([now for one in some if (now := again(one))], records, writer_alive=True)

    def _awaits(self) -> bool:
        """Whether something that was met may become whole by resting, of which no event tells."""
        with self._looking:
            return any(
                path not in self._whole and self._refused.get(path) != one.parts
                for path, one in self._looks.items()
            )

    def _may_change(self, one: Candidate, records: Records) -> bool:
        is_rewritten = one.is_file and (one.step is None or str(one.path) in records.rewritten)
        return is_rewritten or one.path not in self._whole

    def _take(self, found: Sequence[Candidate], records: Records, *, writer_alive: bool) -> None:
        """Judge these, keep and tell what is newly whole."""
        fresh: list[tuple[Candidate, int | None]] = []
        for candidate in found:
            if self._refused.get(candidate.path) == candidate.parts:
                continue  # read once: what nobody wrote to since is what it was
            is_known = records.is_known(candidate)
            last = self._looks.get(candidate.path)
            rest_s = self._rest_s(candidate, last)
            judged = judge(candidate, records, writer_alive=writer_alive, last_look=last, rest_s=rest_s)
            self._whole.pop(candidate.path, None)
            if judged.whole:
                self._whole[candidate.path] = (candidate, judged.step)
                if not is_known:
                    fresh.append((candidate, judged.step))
            elif judged.is_final:
                self._refused[candidate.path] = candidate.parts
            self._looks[candidate.path] = candidate
        for candidate, step in in_order(fresh):
            if self._is_written_over(candidate, step, records):
                self._copied(candidate, step, records)  # what cannot be copied is still whole where it lies
        self._tell(in_order(fresh), records)

    def _tell(self, fresh: Sequence[tuple[Candidate, int | None]], records: Records) -> None:
        """Copied before it is announced, remembered with it."""
        for candidate, step in fresh:
            records.add(candidate, step, self._clock.now())
        self._unsaved = self._unsaved or bool(fresh)
        self._newest = self._place_of_newest(list(self._whole.values()), records)
        for candidate, step in fresh:
            if not self._ended.is_set():
                self._post(_place(candidate, step, self._clock.now()))
        if self._unsaved:
            records.save()
            self._unsaved = False

    def _rest_s(self, candidate: Candidate, last: Candidate | None) -> float:
        """For how long nobody has been seen writing to it."""
        now = time.monotonic()
        if last is None or last.parts != candidate.parts:
            self._resting[candidate.path] = now
        return now - self._resting.get(candidate.path, now)

    def _is_written_over(self, candidate: Candidate, step: int | None, records: Records) -> bool:
        if not candidate.is_file:
            return False
        if self._moved.get(candidate.path, 0) >= ALWAYS:  # the last whole one stays until the next has come
            drop(candidate.path, self._folder, self._state)
            return False
        is_rewritten = records.of(candidate) is not None or str(candidate.path) in records.rewritten
        return is_rewritten or wants_copy(candidate, step)

    def _copied(self, candidate: Candidate, step: int | None, records: Records) -> bool:
        try:
            began = time.time()
            if not keep(candidate, step, self._folder, self._state):
                return False
            self._unsettled = began if self._unsettled is None else self._unsettled
            thin(self._folder, self._state, records.rewritten | {str(candidate.path)} & set(records.whole))
        except OSError as error:
            _log.warning("checkpoint_not_copied file=%s reason=%s", candidate.path.name, error)
            return False
        return True

    def _place_of_newest(
        self, whole: list[tuple[Candidate, int | None]], records: Records
    ) -> CheckpointPlace | None:
        """A kept copy counts while its original is being written: it is what a kill would leave."""
        here = {candidate.path for candidate, _ in whole}
        copies = [
            (replace(copy, path=place), copy.step)
            for copy, place in kept(self._folder, self._state)
            if place not in here and self._mine.owns_copy(copy)
        ]
        if not whole and not copies:
            return None
        candidate, step = in_order([*copies, *whole])[-1]
        record = records.of(candidate)
        return _place(candidate, step, record.seen_at if record else candidate.mtime)


def _place(candidate: Candidate, step: int | None, seen_at: float) -> CheckpointPlace:
    return CheckpointPlace(str(candidate.path), step, candidate.size_bytes, seen_at)
