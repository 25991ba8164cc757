"""The rehearsal of resuming: killed once on purpose, does the training go on? Pure functions of the job's record.

The proof reads no word of the program's, only the steps of its checkpoints. A new one beyond the step that was given
shows that it went on, one before it that it began again. The same step once more says neither: a program may save
right after loading. If nobody has read the given checkpoint by then, it began again; otherwise it is killed a second
time, at the next checkpoint, where beginning again must show.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run.state import Ending
from pod_wire.status import Outcome, Rehearsal, Rehearsed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pod_agent.run import events as e
    from pod_agent.run.state import Job
    from pod_wire.status import CheckpointPlace

KILLED = "killed on purpose: a rehearsal of resuming"
REMEDY = (
    "make the command load the checkpoint of POD_RESUME and its step (docs/checkpoints.md shows how), "
    "or run without the rehearsal"
)
MOST_KILLS = 2
_KILL_CODE = 137  # as a shell reports a child's SIGKILL


def seen(job: Job, place: CheckpointPlace, *, was_read: bool | None) -> Job:
    """A checkpoint became whole while an attempt lives: strike, or learn from it."""
    told = job.rehearsal
    if not job.spec.rehearse or job.spec.resume is None or (told is not None and told.is_over):
        return job
    number = job.attempts[-1].number
    if told is None:
        return _kill(job, number, place.step, 1)
    if told.state is Rehearsed.KILLING or number <= told.attempt:
        return job
    if told.step is None or place.step is None:
        return _settle(job, Rehearsed.UNPROVED, "its checkpoints tell no step")
    if place.step < (told.step if told.least is None else told.least):
        return _began_again(job, place.step)
    if place.step > told.step:
        if told.state is Rehearsed.UNSURE and told.kills < MOST_KILLS:
            return _kill(job, number, place.step, told.kills + 1)
        return _settle(job, Rehearsed.CONTINUED, f"it went on from step {told.step} to step {place.step}")
    return _not_beyond(job, told, place.step, was_read=was_read)


def _not_beyond(job: Job, told: Rehearsal, step: int, *, was_read: bool | None) -> Job:
    """Where it may have gone on, or have begun again and come so far."""
    if told.least is not None:  # which of several it took, if any, only their being read can tell
        if was_read is None:
            text = f"it saved step {step}, and may have gone on from step {told.least} or begun again"
            return _settle(job, Rehearsed.UNPROVED, text)
        text = f"it went on from step {told.least} to step {step}"
        return _settle(job, Rehearsed.CONTINUED, text) if was_read else _began_again(job, step)
    if told.kills >= MOST_KILLS:  # begun again it would have passed the first one's step
        return _settle(job, Rehearsed.CONTINUED, f"it saved step {step} again, and no step before it")
    if was_read is False:
        return _began_again(job, step)
    text = f"it saved step {step} again: to be seen at its next checkpoint"
    return replace(job, rehearsal=replace(told, state=Rehearsed.UNSURE, text=text))


def given(job: Job, step: int | None, others: Sequence[int | None] = (), *, is_fresh: bool) -> Job:
    """A checkpoint was chosen for the next attempt; ``is_fresh``: there was none.

    ``others``: steps of those that a program which looks by itself may take in its stead.
    """
    told = job.rehearsal
    if told is None or told.is_over:
        return job
    if told.state is Rehearsed.KILLING:  # its end was never seen: the pod went down with it
        told = _resuming(told)
    if _is_beyond(step, told.step):
        return _settle(job, Rehearsed.CONTINUED, f"it went on from step {told.step} to step {step}")
    if told.step is not None:
        return job
    if step is None or None in others:  # nothing will tell whether it went on
        step = least = None
    else:
        least = min((one for one in others if one is not None and one < step), default=None)
    job = replace(job, rehearsal=replace(told, step=step, least=least))
    if is_fresh:
        return _settle(job, Rehearsed.BEGAN_AGAIN, "no whole checkpoint was left after a rehearsed kill")
    return job


def ended(job: Job, event: e.AttemptEnded) -> tuple[Job, bool]:
    """An attempt is over. True: it was the rehearsal's kill, which counts for nothing."""
    told = job.rehearsal
    if told is None and job.spec.rehearse and event.ended.exit_code == 0:
        text = "it ended before a checkpoint of it was seen whole"
        return replace(job, rehearsal=Rehearsal(Rehearsed.UNPROVED, event.number, text=text, kills=0)), False
    if told is None or told.is_over:
        return job, False
    if told.state is Rehearsed.KILLING and event.number == told.attempt:
        return _killed(job, told, event)
    newest = event.newest.step if event.newest is not None else None
    if told.state is Rehearsed.RESUMING and _is_beyond(newest, told.step):
        return _settle(job, Rehearsed.CONTINUED, f"it went on from step {told.step} to step {newest}"), False
    if event.ended.exit_code == 0:
        return _settle(job, Rehearsed.UNPROVED, "it ended before its next checkpoint"), False
    return job, False


def _killed(job: Job, told: Rehearsal, event: e.AttemptEnded) -> tuple[Job, bool]:
    if event.ended.cancelled:
        return replace(job, rehearsal=None), False  # on request, before the kill: the next checkpoint serves
    struck = event.ended.signal == "KILL" or event.ended.exit_code == _KILL_CODE
    if not struck and event.ended.exit_code is not None:
        return _settle(job, Rehearsed.UNPROVED, "it ended before it could be killed"), False
    last = replace(job.attempts[-1], reason=KILLED)
    return replace(job, attempts=(*job.attempts[:-1], last), rehearsal=_resuming(told)), True


def _resuming(told: Rehearsal) -> Rehearsal:
    """Which step the next attempt is given is not known yet: it may have saved once more before it died."""
    return replace(told, state=Rehearsed.RESUMING, step=None, least=None)


def ending(before: Job, job: Job) -> Ending | None:
    """The job's end where the rehearsal has just decided it."""
    told = job.rehearsal
    if told is None or told.state is not Rehearsed.BEGAN_AGAIN or before.rehearsal == told:
        return None
    return Ending(Outcome.FAILED, told.text, REMEDY)


def ordered(told: Rehearsal | None) -> Rehearsal | None:
    """Under a new order: what was proved stays proved; what failed may have been mended since."""
    return None if told is not None and told.is_over and told.state is not Rehearsed.CONTINUED else told


def judged(job: Job, verdict: Ending) -> tuple[Job, Ending]:
    """A failure right after the kill is the rehearsal's finding: the program could not be resumed."""
    told = job.rehearsal
    if verdict.outcome is not Outcome.FAILED or told is None or told.state is not Rehearsed.RESUMING:
        return job, verdict
    reason = f"it did not go on after a rehearsed kill{_at(told.step)}: {verdict.reason}"
    return replace(job, rehearsal=replace(told, state=Rehearsed.UNPROVED, text=reason)), replace(
        verdict, reason=reason
    )


def words(told: Rehearsal | None) -> str:
    """For the log."""
    if told is None:
        return ""
    return f"podkeep: rehearsal: {told.text}"


def _kill(job: Job, number: int, step: int | None, kills: int) -> Job:
    told = Rehearsal(Rehearsed.KILLING, number, step, f"{KILLED}{_at(step)}", kills)
    return replace(job, rehearsal=told)


def _began_again(job: Job, step: int) -> Job:
    told = job.rehearsal
    given_step = told.step if told is not None else None
    text = (
        f"began again at step 0 after a rehearsed kill: it was given the checkpoint of step {given_step}, "
        f"and the next one it saved was of step {step}"
    )
    return _settle(job, Rehearsed.BEGAN_AGAIN, text)


def _settle(job: Job, state: Rehearsed, text: str) -> Job:
    if job.rehearsal is None:
        return job
    return replace(job, rehearsal=replace(job.rehearsal, state=state, text=text))


def _is_beyond(step: int | None, given_step: int | None) -> bool:
    return step is not None and given_step is not None and step > given_step


def _at(step: int | None) -> str:
    return "" if step is None else f" at step {step}"
