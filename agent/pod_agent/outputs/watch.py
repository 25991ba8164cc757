"""Watches for new whole checkpoints while the training lives, and keeps copies of those that are rewritten.

It looks about once a second, and more seldom where looking itself takes long. Looking beats inotify here: a
training that writes a log beside its checkpoints would wake us for every line.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import Candidate, Form
from pod_agent.outputs.checkpoints.find import SLACK_S, find
from pod_agent.outputs.checkpoints.judge import in_order, judge
from pod_agent.outputs.checkpoints.kept import keep, kept, wants_copy
from pod_agent.outputs.checkpoints.records import Records
from pod_agent.outputs.checkpoints.tracked import tracked
from pod_wire.status import CheckpointPlace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_wire.clock import Clock
    from pod_wire.job import JobSpec

LOOK_S = 1.0
_SHARE = 200  # a look may take one part in this many of the time
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
        wait_s = 0.0
        while not self._ended.wait(wait_s):
            began = time.monotonic()
            try:
                self.look(writer_alive=True)
                self._told = None
            except Exception as error:  # noqa: BLE001 - border: the top of a thread; the next look tries again
                if self._told != str(error):
                    _log.warning("checkpoints_unreadable reason=%s", error)
                self._told = str(error)
            wait_s = max(LOOK_S, _SHARE * (time.monotonic() - began))

    def look(self, *, writer_alive: bool) -> None:
        """One look. Public for those who drive it themselves, as after the training has ended; one at a time."""
        with self._looking:
            self._look(writer_alive)

    def _look(self, writer_alive: bool) -> None:
        if self._records is None:
            self._records = Records.load(self._state)
            self._ignore = tracked(self._folder)
        records = self._records
        found = find(self._folder, self._glob, self._since, self._ignore)
        whole: list[tuple[Candidate, int | None]] = []
        fresh: list[tuple[Candidate, int | None]] = []
        for candidate in found:
            is_known = records.is_known(candidate)
            judged = judge(
                candidate, records, writer_alive=writer_alive, last_look=self._looks.get(candidate.path)
            )
            if judged.whole:
                whole.append((candidate, judged.step))
                if not is_known:
                    fresh.append((candidate, judged.step))
        self._looks = {candidate.path: candidate for candidate in found}
        for candidate, step in in_order(fresh):
            self._keep(candidate, step, records)
            records.add(candidate, step, self._clock.now())
        self._unsaved = self._unsaved or bool(fresh)
        self._newest = self._place_of_newest(whole, records)
        for candidate, step in in_order(fresh):
            if not self._ended.is_set():
                self._post(_place(candidate, step, self._clock.now()))
        if self._unsaved:
            records.save()
            self._unsaved = False

    def _keep(self, candidate: Candidate, step: int | None, records: Records) -> None:
        """Copied before it is announced. What cannot be copied is still whole where it lies."""
        is_rewritten = records.of(candidate) is not None or str(candidate.path) in records.rewritten
        if candidate.form is Form.FILE and (is_rewritten or wants_copy(candidate, step)):
            try:
                keep(candidate, step, self._folder, self._state)
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
