"""Chooses the checkpoint a training resumes from, puts it where it belongs, and writes the command line.

Nobody writes any more when this runs. Half checkpoints are set aside and named; nothing is deleted.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.outputs import belonging
from pod_agent.outputs.checkpoints.find import file_candidate, find
from pod_agent.outputs.checkpoints.judge import in_order, judge
from pod_agent.outputs.checkpoints.kept import keep, kept, put_back, wants_copy
from pod_agent.outputs.checkpoints.records import Records
from pod_agent.outputs.checkpoints.tracked import tracked
from pod_agent.run.aside import Aside
from pod_agent.run.work import StepFailed, Work
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.outputs.belonging import Belonging
    from pod_agent.outputs.checkpoints.candidate import Candidate, Judged
    from pod_wire.job import JobSpec

_PLACE = "{resume}"
_CHECKPOINT = "{checkpoint}"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Restored:
    """What to resume from. ``path`` None: the training starts fresh."""

    path: Path | None
    step: int | None
    warnings: tuple[str, ...] = ()
    others: tuple[tuple[Path, int | None], ...] = ()  # what a program that looks by itself may take instead


@dataclass(frozen=True, slots=True)
class Choice:
    candidate: Candidate
    judged: Judged
    belongs: Path | None = None  # set for a kept copy: where its original lay

    @property
    def place(self) -> Path:
        return self.belongs or self.candidate.path

    @property
    def here(self) -> Candidate:
        """As it lies, or will lie, where the training looks."""
        return replace(self.candidate, path=self.place)


def begin(spec: JobSpec, folder: Path, state: Path, run: str, work: Work) -> dict[str, str]:
    """Before a run's first attempt: what is there already is not its own, whatever any clock says later."""
    work.beat()
    there = [
        *find(folder, spec.checkpoints, 0.0, tracked(folder), work.beat),
        *(copy for copy, _ in kept(folder, state)),
    ]
    before = belonging.take(there, folder)
    try:
        belonging.save(state, run, before)
    except OSError as error:  # then the time at which the run began tells
        work.say(f"podkeep: what was there before this run cannot be noted: {error.strerror}")
    return before


def restore(spec: JobSpec, folder: Path, state: Path, mine: Belonging, work: Work) -> Restored:
    """The newest whole checkpoint of this run. Without a way to resume, files stay as they are."""
    records = Records.load(state)
    choices, foreign = _choices(spec, folder, state, mine, records, work)
    looks = looks_itself(spec)
    whole = [choice for choice in choices if choice.judged.whole]
    chosen = newest(whole)
    back: dict[Path, Choice] = {}
    warnings: tuple[str, ...] = ()
    if spec.resume is not None:
        aside = Aside(folder, state, work)
        back = _put_in_order(choices, chosen, aside, work, rivals=foreign if looks else None)
        warnings = tuple(aside.warnings)
    if chosen is not None:
        _keep(chosen, choices, folder, state, work)
    _remember(whole, back, records)
    if chosen is None:
        work.say("podkeep: no whole checkpoint of this run; starting fresh")
        return Restored(None, None, warnings)
    path = chosen.place if spec.resume is not None else chosen.candidate.path
    at = "" if chosen.judged.step is None else f", step {chosen.judged.step}"
    if spec.resume is None:
        work.say(f"podkeep: POD_RESUME_FROM is {path}{at}; the command is not told, as POD_RESUME is not set")
    else:
        work.say(f"podkeep: resuming from {path}{at}")
    others = instead(whole, chosen, back) if looks else []
    if older := [f"{place.name} of step {step}" for place, step in others if place not in back]:
        work.say(f"podkeep: the program looks by itself; it may also take {', '.join(older[-_SHOWN:])}")
    told = [_either(place, step, path, at) for place, step in others if place in back]
    for text in told:
        work.say(f"podkeep: {text}")
    return Restored(path, chosen.judged.step, (*warnings, *told), tuple(others))


def looks_itself(spec: JobSpec) -> bool:
    """Whether the job resumes without being told a path."""
    return spec.resume is not None and _CHECKPOINT not in spec.resume


def command_line(spec: JobSpec, restored: Restored) -> str:
    """The command as bash gets it. The checkpoint enters as a quoted variable, whatever its name holds."""
    words = spec.resume if restored.path is not None and spec.resume is not None else ""
    marked = words.replace(_CHECKPOINT, "\0")
    if _PLACE in spec.command:
        text = spec.command.replace(_PLACE, marked)
    else:
        text = f"{spec.command.rstrip()} {marked}" if marked else spec.command
    return _with_variable(text)


def variables(restored: Restored) -> dict[str, str]:
    """What the training's environment gets, in any case where there is a checkpoint."""
    return {} if restored.path is None else {"POD_RESUME_FROM": str(restored.path)}


def _choices(  # noqa: PLR0917 - what a step has learned by then
    spec: JobSpec, folder: Path, state: Path, mine: Belonging, records: Records, work: Work
) -> tuple[list[Choice], list[Candidate]]:
    """This run's own, judged; and those of older runs, which nobody opens."""
    choices: list[Choice] = []
    others: list[Candidate] = []
    for candidate in find(folder, spec.checkpoints, 0.0, tracked(folder), work.beat):
        work.beat()
        if mine.owns(candidate):
            choices.append(Choice(candidate, judge(candidate, records, writer_alive=False)))
        else:
            others.append(candidate)
    for copy, place in kept(folder, state):
        work.beat()
        if mine.owns_copy(copy):
            choices.append(Choice(copy, judge(copy, records, writer_alive=False, is_copy=True), place))
    return choices, others


def _keep(chosen: Choice, choices: list[Choice], folder: Path, state: Path, work: Work) -> None:
    """The next save may go over it, and be killed before any look: what the copies lack is copied first."""
    one = chosen.candidate
    if chosen.belongs is not None or not one.is_file or not wants_copy(one, chosen.judged.step):
        return
    if any(other.belongs == one.path and other.candidate.mtime == one.mtime for other in choices):
        return
    try:
        keep(one, chosen.judged.step, folder, state)
    except OSError as error:
        work.say(f"podkeep: {one.path.name} is not copied before it may be rewritten: {error.strerror}")


def _remember(whole: list[Choice], backs: Mapping[Path, Choice], records: Records) -> None:
    """What is whole now is not news to the watch of the next attempt, neither what was just put back."""
    now = time.time()
    for one in whole:
        if one.belongs is None and not records.is_known(one.candidate):
            records.add(one.candidate, one.judged.step, now)
    for place, copy in backs.items():
        there = file_candidate(place, is_sure=True)
        if there is not None:
            records.add(there, copy.judged.step, now)
    with contextlib.suppress(OSError):  # only a memory: what is whole is judged again
        records.save()


def newest(whole: list[Choice]) -> Choice | None:
    """By step within the run; where a kept copy equals the one in place, the one in place."""
    if not whole:
        return None
    by_path = {choice.candidate.path: choice for choice in whole}
    last, step = in_order((choice.candidate, choice.judged.step) for choice in whole)[-1]
    chosen = by_path[last.path]
    for other in whole:
        same = other.judged.step == step and other.candidate.mtime == last.mtime
        if chosen.belongs is not None and other.candidate.path == chosen.belongs and same:
            return other
    return chosen


def _put_in_order(
    choices: list[Choice], chosen: Choice | None, aside: Aside, work: Work, *, rivals: list[Candidate] | None
) -> dict[Path, Choice]:
    """Half ones aside, copies back. ``rivals``: of older runs, where the program looks by itself."""
    half = [one for one in choices if not one.judged.whole and one.judged.is_ours and one.belongs is None]
    names = [one.candidate.path for one in half]
    whole = [one for one in choices if one.judged.whole]
    back = backs(names if rivals is not None else [], whole, chosen)
    for one in half:
        path = one.candidate.path
        aside.move(path, f"is not whole ({one.judged.why})", follows=path in back)
    if chosen is not None and rivals is not None:
        aside.move_rivals(chosen.here, chosen.judged.step, rivals)
    for place, copy in back.items():
        if place not in names and os.path.lexists(place) and not _lies_there(copy, choices):
            aside.move(place, "gives way to a newer copy of it", follows=True)
        _put_back(copy, place, work)
    return back


def _lies_there(copy: Choice, choices: list[Choice]) -> bool:
    """Whether its original is in place, with another time only: not every disk keeps every digit of it."""
    return any(
        one.belongs is None
        and one.place == copy.place
        and (one.judged.step, one.candidate.size_bytes) == (copy.judged.step, copy.candidate.size_bytes)
        for one in choices
    )


def backs(names: list[Path], whole: list[Choice], chosen: Choice | None) -> dict[Path, Choice]:
    """Which copies go back where: the chosen one, and the last of each name that was half.

    A program that looks by itself may know one such name only, as last.ckpt.
    """
    last = {place: newest([one for one in whole if one.belongs == place]) for place in names}
    back = {place: copy for place, copy in last.items() if copy is not None}
    if chosen is not None and chosen.belongs is not None:
        back[chosen.belongs] = chosen
    return back


def instead(
    whole: list[Choice], chosen: Choice, backs: Mapping[Path, Choice]
) -> list[tuple[Path, int | None]]:
    """What a program that looks by itself may take instead: what was put back, and names that stay the same.

    Killed between two names, Lightning leaves a whole last.ckpt of an older step.
    """
    step = chosen.judged.step
    back = [(place, one.judged.step) for place, one in backs.items() if one.judged.step != step]
    older = [
        (one.place, one.judged.step)
        for one in whole
        if one.belongs is None and one.place not in backs and one.candidate.is_file
        if wants_copy(one.candidate, one.judged.step) and _is_before(one.judged.step, step)
    ]
    return [*back, *older]


def _is_before(step: int | None, other: int | None) -> bool:
    return step is not None and other is not None and step < other


def _either(place: Path, step: int | None, path: Path, at: str) -> str:
    its = "of a step that it does not tell" if step is None else f"of step {step}"
    return (
        f"the program looks for its checkpoint by itself: if it knows {place.name} only, which is the last whole "
        f"copy, {its}, it goes on from there and not from {path.name}{at}"
    )


def _put_back(chosen: Choice, place: Path, work: Work) -> None:
    try:
        put_back(chosen.candidate.path, place)
    except OSError as error:
        raise StepFailed(
            f"cannot put the checkpoint {chosen.candidate.path.name} back to {place}: {error.strerror}",
            "make room on the pod's volume",
        ) from error
    work.say(f"podkeep: the kept copy {chosen.candidate.path.name} is put back as {place}")


def _with_variable(text: str) -> str:
    """The marks replaced by the variable, quoted as the place they stand in needs it."""
    out: list[str] = []
    quote = ""
    at = 0
    while at < len(text):
        sign = text[at]
        if sign == "\0":
            out.append(
                {"": '"$POD_RESUME_FROM"', '"': "$POD_RESUME_FROM", "'": "'\"$POD_RESUME_FROM\"'"}[quote]
            )
        elif sign == "\\" and quote != "'" and at + 1 < len(text):
            out.append(text[at : at + 2])
            at += 1
        else:
            if quote in ("", sign) and sign in "\"'":
                quote = "" if quote else sign
            out.append(sign)
        at += 1
    return "".join(out)
