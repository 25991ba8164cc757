"""Moves checkpoints out of the training's sight, by rename and never by deleting: half ones, and those of older runs.

Not here: which is whole and which is resumed (``resume``).
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.outputs.belonging import FILE as BEFORE
from pod_agent.outputs.checkpoints.files import kind_of
from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.judge import judge
from pod_agent.outputs.checkpoints.kept import FOLDER
from pod_agent.outputs.checkpoints.records import FILE, Records
from pod_agent.outputs.checkpoints.tracked import tracked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pod_agent.outputs.checkpoints.candidate import Candidate
    from pod_agent.run.work import Work
    from pod_wire.job import JobSpec

ASIDE = "aside"
_STAYS = "a program that looks for its newest checkpoint itself may take it; move it away by hand"


class Aside:
    """One place for all that is moved at one time, beside the job's state, or beside the original."""

    def __init__(self, folder: Path, state: Path, work: Work) -> None:
        self._folder = folder
        self._state = state
        self._work = work
        now = time.time_ns()
        self.place = (
            state / ASIDE / time.strftime(f"%Y%m%d-%H%M%S-{now % 10**9:09}", time.gmtime(now // 10**9))
        )
        self.moved = 0
        self.warnings: list[str] = []

    def move(self, path: Path, why: str, *, follows: bool = False) -> bool:
        """Out of sight, with a line in the log. What cannot be moved stays, and is a warning.

        ``follows``: a whole one takes its name next, and the name is never without a file until then.
        """
        self._work.beat()
        try:
            place = self._rename(path, self._folder, links=follows)
        except OSError as error:
            self._warn(f"checkpoint {path.name} {why} and cannot be moved aside: {error.strerror}; {_STAYS}")
            return False
        self.moved += 1
        self._warn(f"checkpoint {path.name} {why}; set aside as {place}")
        return True

    def move_all(self, spec: JobSpec) -> None:
        """POD_FRESH: every checkpoint there is. Killed in the middle, it is done again and moves the rest."""
        records = Records.load(self._state)
        everything = (
            spec.repo is not None or spec.checkpoints is not None
        )  # else others' files lie beside ours
        for found in find(self._folder, spec.checkpoints, 0.0, tracked(self._folder), self._work.beat):
            self._work.beat()
            judged = judge(found, records, writer_alive=False)
            if judged.is_ours and (everything or records.of(found) is not None):
                self._quietly(found.path, self._folder)
        for name in (FOLDER, FILE, BEFORE):
            if (self._state / name).exists():
                self._quietly(self._state / name, self._state, counts=False)
        if self.moved:
            self._work.say(f"podkeep: a fresh run; {self.moved} older checkpoints are moved to {self.place}")

    def move_rivals(self, chosen: Candidate, step: int | None, others: Iterable[Candidate]) -> None:
        """What a program that takes the highest number itself would take in place of the chosen one."""
        for one in others:
            is_alike = one.path.parent == chosen.path.parent and kind_of(one.path.name) == kind_of(
                chosen.path.name
            )
            if is_alike and step is not None and one.step is not None and one.step > step:
                self.move(one.path, "is of another run")

    def _quietly(self, path: Path, top: Path, *, counts: bool = True) -> None:
        try:
            self._rename(path, top)
        except OSError as error:
            self._warn(f"{path.name} of an older run cannot be moved aside: {error.strerror}; {_STAYS}")
        else:
            self.moved += counts

    def _rename(self, path: Path, top: Path, *, links: bool = False) -> Path:
        """By rename, so that size does not matter. Where the state is on another disk, near the original.

        Not beside it if that can be helped: Accelerate takes any name with a number for a checkpoint.
        """
        name = path.relative_to(top) if path.is_relative_to(top) else Path(path.name)
        hidden = f".podkeep-aside-{self.place.name}"
        above = path.parent.parent / hidden / path.parent.name / path.name
        for target in (self.place / name, above):
            with contextlib.suppress(OSError):
                target.parent.mkdir(parents=True, exist_ok=True)
                if links and not path.is_symlink():
                    with contextlib.suppress(OSError):  # not every disk has links
                        target.hardlink_to(path)
                        return target
                return path.rename(target)
        return path.rename(path.with_name(f"{hidden}-{path.name}"))

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        self._work.say(f"podkeep: {text}")
