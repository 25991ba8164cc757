"""Watches for new whole checkpoints while the training lives, and keeps copies of those that are rewritten.

It walks the folder about once a second, and more seldom where walking itself takes long; in between it looks again at
what is being written and at names that are rewritten, which costs a few stats whatever else lies there. Looking beats
inotify here: two looks a second apart are needed in any case, and network mounts know no events.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.find import SLACK_S, again, find
from pod_agent.outputs.checkpoints.judge import in_order, judge
from pod_agent.outputs.checkpoints.kept import keep, kept, thin, wants_copy
from pod_agent.outputs.checkpoints.records import Records
from pod_agent.outputs.checkpoints.tracked import tracked
from pod_wire.status import CheckpointPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pod_agent.outputs.checkpoints.candidate import Candidate, Part
    from pod_wire.clock import Clock
    from pod_wire.job import JobSpec

LOOK_S = 1.0
_SHARE = 200  # a look may take one part in this many of the time
_AGAIN = 50  # how many are looked at between two walks, the newest
_log = logging.getLogger("podkeep")


class CheckpointWatch:
    """One training's checkpoints. ``post`` is called from its thread, once for each that is newly whole."""

    def __init__(  # noqa: PLR0917 - one more than ruff likes, and called in one place
        self,
        folder: Path,
        state: Path,
        spec: JobSpec,
        since: float,
        clock: Clock,
        post: Callable[[CheckpointPlace], None],
    ) -> None:
        self._folder = folder
        self._state = state
        self._glob = spec.checkpoints
        self._since = since
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

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No more posts after this. A look that hangs on a dead mount is left behind."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def newest(self) -> CheckpointPlace | None:
        """The newest whole one, by step."""
        return self._newest

    def _run(self) -> None:
        wait_s = next_walk = 0.0
        while not self._ended.wait(wait_s):
            began = time.monotonic()
            is_walk = began >= next_walk
            self._try(lambda: self.look(writer_alive=True)) if is_walk else self._try(self.look_again)
            ended = time.monotonic()
            pause_s = max(LOOK_S, _SHARE * (ended - began))
            if is_walk:
                next_walk = ended + pause_s
            wait_s = LOOK_S if is_walk else pause_s

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
            found = find(self._folder, self._glob, self._since, self._ignore)
            there = {one.path for one in found}
            self._looks = {path: one for path, one in self._looks.items() if path in there}
            self._whole = {path: one for path, one in self._whole.items() if path in there}
            self._resting = {path: at for path, at in self._resting.items() if path in there}
            self._refused = {path: one for path, one in self._refused.items() if path in there}
            self._take(found, self._records, writer_alive=writer_alive)

    def look_again(self) -> None:
        """Without walking: what was not whole at the last look, and what the next save goes over."""
        with self._looking:
            records = self._records
            if records is None:
                return
            some = [one for one in self._looks.values() if self._may_change(one, records)]
            some = sorted(some, key=lambda one: one.mtime)[-_AGAIN:]
            self._take([now for one in some if (now := again(one))], records, writer_alive=True)

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
            self._keep(candidate, step, records)
            records.add(candidate, step, self._clock.now())
        self._unsaved = self._unsaved or bool(fresh)
        self._newest = self._place_of_newest(list(self._whole.values()), records)
        for candidate, step in in_order(fresh):
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

    def _keep(self, candidate: Candidate, step: int | None, records: Records) -> None:
        """Copied before it is announced. What cannot be copied is still whole where it lies."""
        is_rewritten = records.of(candidate) is not None or str(candidate.path) in records.rewritten
        if candidate.is_file and (is_rewritten or wants_copy(candidate, step)):
            try:
                keep(candidate, step, self._folder, self._state)
                thin(
                    self._folder, self._state, records.rewritten | {str(candidate.path)} & set(records.whole)
                )
            except OSError as error:
                _log.warning("checkpoint_not_copied file=%s reason=%s", candidate.path.name, error)

    def _place_of_newest(
        self, whole: list[tuple[Candidate, int | None]], records: Records
    ) -> CheckpointPlace | None:
        """A kept copy counts while its original is being written: it is what a kill would leave."""
        here = {candidate.path for candidate, _ in whole}
        copies = [
            (replace(copy, path=place), copy.step)
            for copy, place in kept(self._folder, self._state)
            if place not in here and copy.mtime >= self._since - SLACK_S
        ]
        if not whole and not copies:
            return None
        candidate, step = in_order([*copies, *whole])[-1]
        record = records.of(candidate)
        return _place(candidate, step, record.seen_at if record else candidate.mtime)


def _place(candidate: Candidate, step: int | None, seen_at: float) -> CheckpointPlace:
    return CheckpointPlace(str(candidate.path), step, candidate.size_bytes, seen_at)
