"""Chooses the checkpoint a training resumes from, puts it where it belongs, and writes the command line.

Nobody writes any more when this runs. Half checkpoints are set aside and named; nothing is deleted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.find import SLACK_S, find
from pod_agent.outputs.checkpoints.judge import in_order, judge
from pod_agent.outputs.checkpoints.kept import FOLDER, kept, put_back
from pod_agent.outputs.checkpoints.records import FILE, Records
from pod_agent.outputs.checkpoints.tracked import tracked
from pod_agent.run.work import StepFailed, Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_agent.outputs.checkpoints.candidate import Candidate, Judged
    from pod_wire.job import JobSpec

ASIDE = "aside"
_PLACE = "{resume}"
_CHECKPOINT = "{checkpoint}"


@dataclass(frozen=True, slots=True)
class Restored:
    """What to resume from. ``path`` None: the training starts fresh."""

    path: Path | None
    step: int | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Choice:
    candidate: Candidate
    judged: Judged
    belongs: Path | None = None  # set for a kept copy: where its original lay

    @property
    def place(self) -> Path:
        return self.belongs or self.candidate.path


def restore(  # noqa: PLR0917 - the order of a step's arguments is the same in all of them
    spec: JobSpec, folder: Path, state: Path, since: float, env: Mapping[str, str], work: Work
) -> Restored:
    """The newest whole checkpoint of this run. Without a way to resume, files stay as they are."""
    del env  # stores will need it; what lies on the disk does not
    choices = _choices(spec, folder, state, since, work)
    whole = [choice for choice in choices if choice.judged.whole]
    chosen = _newest(whole)
    half = [one for one in choices if not one.judged.whole and one.judged.is_ours and one.belongs is None]
    warnings: list[str] = []
    if spec.resume is not None:
        warnings += [_set_aside_one(one, folder, state, work) for one in half]
        if chosen is not None and chosen.belongs is not None:
            _put_back(chosen, chosen.belongs, work)
    if chosen is None:
        work.say("podkeep: no whole checkpoint of this run; starting fresh")
        return Restored(None, None, tuple(warnings))
    path = chosen.place if spec.resume is not None else chosen.candidate.path
    at = "" if chosen.judged.step is None else f", step {chosen.judged.step}"
    if spec.resume is None:
        work.say(f"podkeep: POD_RESUME_FROM is {path}{at}; the command is not told, as POD_RESUME is not set")
    else:
        work.say(f"podkeep: resuming from {path}{at}")
    return Restored(path, chosen.judged.step, tuple(warnings))


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


def set_aside(spec: JobSpec, folder: Path, state: Path, work: Work) -> int:
    """POD_FRESH: every checkpoint there is moves out of the training's sight. Returns how many; deletes none."""
    found = find(folder, spec.checkpoints, 0.0, tracked(folder))
    records = Records.load(state)
    moved = 0
    place = state / ASIDE / _stamp()
    everything = spec.repo is not None or spec.checkpoints is not None  # else others' files lie beside ours
    for candidate in found:
        judged = judge(candidate, records, writer_alive=False)
        if judged.is_ours and (everything or records.of(candidate) is not None):
            _move(candidate.path, place, folder)
            moved += 1
    for name in (FOLDER, FILE):
        if (state / name).exists():
            _move(state / name, place, state)
    if moved:
        work.say(f"podkeep: a fresh run; {moved} older checkpoints are moved to {place}")
    return moved


def _choices(spec: JobSpec, folder: Path, state: Path, since: float, work: Work) -> list[_Choice]:
    records = Records.load(state)
    choices: list[_Choice] = []
    for candidate in find(folder, spec.checkpoints, since, tracked(folder)):
        work.beat()
        choices.append(_Choice(candidate, judge(candidate, records, writer_alive=False)))
    for copy, place in kept(folder, state):
        work.beat()
        if copy.mtime >= since - SLACK_S:
            choices.append(_Choice(copy, judge(copy, records, writer_alive=False, is_copy=True), place))
    return choices


def _newest(whole: list[_Choice]) -> _Choice | None:
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


def _set_aside_one(one: _Choice, folder: Path, state: Path, work: Work) -> str:
    path = one.candidate.path
    place = _move(path, state / ASIDE / _stamp(), folder)
    text = f"checkpoint {path.name} is not whole ({one.judged.why}); set aside as {place}"
    work.say(f"podkeep: {text}")
    return text


def _put_back(chosen: _Choice, place: Path, work: Work) -> None:
    try:
        put_back(chosen.candidate.path, place)
    except OSError as error:
        raise StepFailed(
            f"cannot put the checkpoint {chosen.candidate.path.name} back to {place}: {error.strerror}",
            "make room on the pod's volume",
        ) from error
    work.say(f"podkeep: the kept copy {chosen.candidate.path.name} is put back as {place}")


def _move(path: Path, place: Path, folder: Path) -> Path:
    """By rename, so that size does not matter; beside the original where the state is on another disk."""
    name = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    target = place / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    except OSError:
        target = path.with_name(f".podkeep-aside-{place.name}-{path.name}")
        path.rename(target)
    return target


def _stamp() -> str:
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + f"{time.time_ns() % 10**9:09}"


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
