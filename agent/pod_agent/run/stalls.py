"""The deeds of the table for an attempt that shows no sign of life: told, ended, gone on with once, or failed. Pure.

The record has it before anything is done, so that the agent may die at any point. Not here: finding it (``pod.stall``),
and gathering what the log is told (``stalling``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run import endings, exits, records, rehearsal
from pod_agent.run import events as e
from pod_agent.run.attempt_plan import LAST_LOOK_S, USUAL
from pod_agent.run.commands import After, CancelAttempt, Note
from pod_agent.run.failures.failure import Again, Kind
from pod_agent.run.failures.retry import SET_RESUME, failure
from pod_agent.run.situation import Alive, the_job
from pod_agent.run.state import Ending, Stall
from pod_wire.status import Outcome

if TYPE_CHECKING:
    from pod_agent.run.commands import Command
    from pod_agent.run.situation import Result, State
    from pod_agent.run.state import Job

TELL_S = 90.0  # until it is ended though nobody has said that all was told
SEE_S = 80.0  # gathering what can be seen of it; an agent that comes back begins some seconds late
MARGIN_S = 20.0  # the watch of the checkpoints leaves, and why it failed is read
# POD_SIGNAL and 30 s, leftovers and 10 s, what is in the pipe and 10 s, a last look at the checkpoints.
END_S = USUAL.grace_s + 2 * USUAL.leftover_s + LAST_LOOK_S + MARGIN_S
ANOTHER_POD = "take another machine: pod-client up --new-pod goes on from the newest checkpoint of the volume"


def is_ending(job: Job, number: int) -> bool:
    """Whether this attempt has stalled, and is being ended for it."""
    return job.stall is not None and job.stall.attempt == number


def stalled(state: State, event: e.Stalled, now: float) -> Result:
    job = the_job(state)
    if state.alive is not Alive.LIVE or state.restarting or is_ending(job, event.number):
        return state, (Note("event=Stalled answer=late"),)
    was = job.stall
    told = Stall(
        event.number,
        event.text,
        now,
        is_second=was is not None,
        since=was.stood if was is not None else None,
    )
    job = replace(job, stall=told)
    note = Note(f"stalled=1 attempt={event.number} reason={event.text!r}")
    return replace(state, job=job), (note, After(TELL_S, e.StallTold(event.number)))


def told(state: State, event: e.StallTold, _now: float) -> Result:
    """End it: by POD_SIGNAL first, as it may yet hear that."""
    job = the_job(state)
    known = job.stall
    if known is None or known.attempt != event.number or known.is_told or state.alive is not Alive.LIVE:
        return state, (Note("event=StallTold answer=late"),)
    job = replace(job, stall=replace(known, is_told=True))
    return replace(state, job=job), again(job)


def again(job: Job) -> tuple[Command, ...]:
    """What is to be done with a stalled attempt that lives, also for an agent that has just come."""
    known = job.stall
    if known is None:
        return ()
    if not known.is_told:
        return (After(TELL_S, e.StallTold(known.attempt)),)
    return CancelAttempt(), After(END_S, e.StallLasts(known.attempt))


def lasts(state: State, event: e.StallLasts, now: float) -> Result:
    """Nothing has killed it: a process that hangs in the kernel. The job fails all the same, and the pod may stop."""
    job = the_job(state)
    if job.stall is None or job.stall.attempt != event.number or state.alive is not Alive.LIVE:
        return state, (Note("event=StallLasts answer=late"),)
    reason = f"{job.stall.text}; and it cannot be killed: it hangs in the kernel, in a disk or in the driver"
    return exits.drain(state, Ending(Outcome.FAILED, reason, ANOTHER_POD), now)


def ended(state: State, event: e.AttemptEnded, now: float) -> Result:
    """However it left when it was ended, it had stalled: once it goes on, twice only past where it stalled first."""
    known = the_job(state).stall
    if known is None:
        raise AssertionError("an attempt ended as stalled, and no stall is known")
    job, _ = rehearsal.ended(records.over(the_job(state), event, known.text), event)
    job = replace(job, stall=replace(known, stood=job.checkpoint))
    state = replace(state, job=job, alive=Alive.NONE)
    found = failure(Kind.STALLED, known.text)
    if job.spec.resume is None:
        found = replace(found, remedy=f"{found.remedy}; {SET_RESUME}")
    if known.is_second and not replace(job, before=known.since).made_progress:
        text = f"{known.text}; it had stalled before, and no newer whole checkpoint was saved between"
        found = replace(found, again=Again.NEVER, reason=text)
    unsaid = replace(event.ended, exit_code=None, taken=False, reason="unknown")
    verdict = endings.judge(job, unsaid, found)
    if isinstance(verdict, Ending):
        job, verdict = rehearsal.judged(job, verdict)
        return exits.drain(replace(state, job=job), verdict, now)
    seconds = endings.pause_s(job.tries) if state.prepared else 0.0
    waits = replace(state, next_attempt_at=now + seconds)
    return waits, (After(seconds, e.PauseOver(state.serial)),)
