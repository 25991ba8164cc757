"""Lists a job's checkpoints, whole or not and why, and says which one an attempt would get. Moves and notes nothing.

Not here: choosing for an attempt, and acting on it (resume.py).
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.find import again, file_candidate, find
from pod_agent.outputs.checkpoints.judge import judge
from pod_agent.outputs.checkpoints.kept import kept
from pod_agent.outputs.checkpoints.records import Records
from pod_agent.outputs.checkpoints.tracked import tracked
from pod_agent.run.aside import ASIDE
from pod_agent.run.resume import Choice, backs, instead, looks_itself, newest
from pod_wire.checkpoints import CheckpointList, CheckpointSeen, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pod_agent.outputs.belonging import Belonging
    from pod_agent.outputs.checkpoints.candidate import Candidate, Judged
    from pod_agent.run.state import Job

MOST = 1000  # of one answer; the oldest are left out
LOOK_S = 1.0  # between two looks at what may be being written
_BESIDE = ".podkeep-aside-"  # as aside.py names what it cannot move to the job's state


class Inventory:
    """One listing. ``pause`` waits between two looks: only where a training lives and something is new."""

    def __init__(
        self, job: Job, mine: Belonging, state: Path, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._job = job
        self._mine = mine
        self._state = state
        self._pause = pause
        self._records = Records.load(state)

    def take(self, now: float) -> CheckpointList:
        folder, spec = self._mine.folder, self._job.spec
        found = find(folder, spec.checkpoints, 0.0, tracked(folder))
        judged = self._judged(found)
        choices = [Choice(one, verdict) for one, verdict in judged if self._mine.owns(one)]
        copies = [
            Choice(copy, judge(copy, self._records, writer_alive=False, is_copy=True), place)
            for copy, place in kept(folder, self._state)
            if self._mine.owns_copy(copy)
        ]
        whole = [one for one in (*choices, *copies) if one.judged.whole]
        chosen = newest(whole)
        beside = self._beside_chosen(choices, whole, chosen)
        lines = [
            *(_seen(one, verdict, Kind.OLDER) for one, verdict in judged if not self._mine.owns(one)),
            *(_seen(one, verdict, Kind.ASIDE) for one, verdict in self._aside(found)),
            *(_line(one, Kind.KEPT, chosen, beside) for one in copies),
            *(_line(one, Kind.OWN, chosen, beside) for one in choices if one.judged.is_ours),
        ]
        lines.sort(
            key=lambda line: (_ORDER.index(line.kind), line.step is not None, line.step or 0, line.written_at)
        )
        return CheckpointList(
            now=now,
            job=self._job.name,
            run=self._job.run,
            folder=str(folder),
            resumes=spec.resume is not None,
            checkpoints=tuple(lines[-MOST:]),
            left_out=max(0, len(lines) - MOST),
        )

    def _beside_chosen(
        self, choices: list[Choice], whole: list[Choice], chosen: Choice | None
    ) -> frozenset[Path]:
        """Which others a program that looks by itself may take, as restoring would leave them."""
        if chosen is None or not looks_itself(self._job.spec):
            return frozenset()
        half = [one.place for one in choices if not one.judged.whole and one.judged.is_ours]
        back = backs(half, whole, chosen)
        return frozenset(
            back[place].candidate.path if place in back else place
            for place, _ in instead(whole, chosen, back)
        )

    def _judged(self, found: tuple[Candidate, ...]) -> list[tuple[Candidate, Judged]]:
        """While a training lives, what is not known yet is looked at twice."""
        is_alive = self._job.open_attempt is not None
        if is_alive and any(not self._records.is_known(one) for one in found):
            self._pause(LOOK_S)
            pairs = [(one, again(one)) for one in found]
        else:
            pairs = [(one, one) for one in found]
        return [
            (now, judge(now, self._records, writer_alive=is_alive, last_look=before))
            for before, now in pairs
            if now is not None
        ]

    def _aside(self, found: tuple[Candidate, ...]) -> Iterator[tuple[Candidate, Judged]]:
        """What was moved to the job's state, and what had to stay beside its place under another name."""
        places: list[Path] = []
        with contextlib.suppress(OSError):
            places = sorted((self._state / ASIDE).iterdir())
        for place in places:
            for one in find(place, None, 0.0):
                yield one, judge(one, self._records, writer_alive=False)
        folders = {one.path.parent for one in found} | {self._mine.folder}
        for folder in sorted(folders):
            for path in _beside(folder):
                moved = file_candidate(path, is_sure=True)
                for one in (moved,) if moved is not None else find(path, None, 0.0):
                    yield one, judge(one, self._records, writer_alive=False)


_ORDER = (Kind.OLDER, Kind.ASIDE, Kind.KEPT, Kind.OWN)


def _beside(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as listed:
            return sorted(folder / entry.name for entry in listed if entry.name.startswith(_BESIDE))
    except OSError:
        return []


def _line(choice: Choice, kind: Kind, chosen: Choice | None, beside: frozenset[Path]) -> CheckpointSeen:
    return _seen(
        choice.candidate,
        choice.judged,
        kind,
        belongs=choice.belongs,
        chosen=chosen is not None and chosen.candidate.path == choice.candidate.path,
        instead=choice.candidate.path in beside,
    )


def _seen(
    one: Candidate,
    judged: Judged,
    kind: Kind,
    *,
    belongs: Path | None = None,
    chosen: bool = False,
    instead: bool = False,
) -> CheckpointSeen:
    return CheckpointSeen(
        path=_text(one.path),
        kind=kind,
        format=one.format.name,
        whole=judged.whole,
        size_bytes=one.size_bytes,
        written_at=one.mtime,
        step=judged.step if judged.step is not None else one.step,
        why=None if judged.whole else judged.why or None,
        belongs=None if belongs is None else _text(belongs),
        chosen=chosen,
        instead=instead,
    )


def _text(path: Path) -> str:
    """Names that are no UTF-8 are shown as far as they are."""
    return os.fsencode(path).decode("utf-8", "replace")
