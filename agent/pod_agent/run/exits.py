"""The deeds of the table from the decision that a job ends to the end of the pod. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run import endings, hold, leaving, records
from pod_agent.run import events as e
from pod_agent.run.commands import (
    After,
    AwaitCompany,
    CancelAttempt,
    CancelStep,
    Drain,
    ExitAgent,
    HurryAttempt,
    Note,
    StopPod,
)
from pod_agent.run.situation import Alive, Result, State, agreed, enter, refused, the_job
from pod_agent.run.state import Ending, warned
from pod_wire.job import ExitPolicy
from pod_wire.status import Outcome, Phase

if TYPE_CHECKING:
    from pod_agent.run.asks import Cancel, Stop
    from pod_agent.run.commands import Command
    from pod_agent.run.state import Job
    from pod_wire.status import Held

MOST_CODE = 255
LEAVE_S = 2.5  # after TERM, of five seconds: two for the training, a half for what hangs
DRAIN_S = 60.0  # an attempt gets 30 s after its signal, its leftovers 10 s
LATE_DRAIN_S = 50.0  # after a deadline: a minute later the stop has been asked for, and seen coming
OVERDUE = "not everything of the job had ended when its time was up"
STILL_THERE = "the last job's training has not ended yet"


def drain(state: State, ending: Ending, now: float, stop_because: str | None = None) -> Result:
    """Decide the ending, end what lives, then bring what was made to safety."""
    job = replace(the_job(state), ending=ending)
    if stop_because is not None:
        job = replace(job, stop_because=stop_because)
    state = enter(replace(state, job=job, restarting=False), Phase.DRAINING, now)
    return state, (*_end(state), _timer(state))


def _timer(state: State) -> After:
    return After(LEAVE_S if state.leaving else DRAIN_S, e.DrainOverdue(state.serial))


def _end(state: State) -> tuple[Command, ...]:
    """End what lives of the job; with nothing left, drain."""
    if state.alive is Alive.LIVE:
        return (HurryAttempt() if state.leaving else CancelAttempt(),)
    if state.stepping:
        return (CancelStep(),)
    return () if state.is_busy else (Drain(the_job(state)),)


def _on_end(state: State) -> Result:
    """One thing fewer lives: drain when it was the last."""
    return state, () if state.is_busy else (Drain(the_job(state)),)


def cancel(state: State, event: Cancel, now: float) -> Result:
    job = the_job(state)
    if event.job != job.name:
        return state, (refused(f"there is no job {event.job!r} here", f"the job is {job.name!r}"),)
    after, commands = drain(state, Ending(Outcome.CANCELLED, "cancelled on request"), now)
    return after, (agreed("the job is being cancelled"), *commands)


def stop_busy(state: State, _event: Stop, now: float) -> Result:
    ending = Ending(Outcome.CANCELLED, "cancelled: the pod was asked to stop")
    after, commands = drain(state, ending, now, stop_because="asked to stop")
    return after, (agreed("the job is being ended, then the pod stops"), *commands)


def stop_draining(state: State, _event: Stop, _now: float) -> Result:
    job = replace(the_job(state), stop_because="asked to stop")
    return replace(state, job=job), (agreed("the pod stops once the job has ended"),)


def stop_idle(state: State, _event: Stop, now: float) -> Result:
    after, commands = stop_pod(state, "asked to stop", now)
    return after, (agreed("the pod is being stopped"), *commands)


def stop_again(state: State, _event: Stop, _now: float) -> Result:
    return state, (agreed("the pod is being stopped already"),)


def deadline_busy(state: State, event: e.DeadlinePassed, now: float) -> Result:
    after, commands = drain(state, Ending(Outcome.TIMED_OUT, event.reason, event.remedy), now)
    return after, (*commands, After(LATE_DRAIN_S, e.DrainOverdue(after.serial)))


def deadline_draining(state: State, event: e.DeadlinePassed, _now: float) -> Result:
    job = replace(the_job(state), stop_because=the_job(state).stop_because or event.reason)
    return replace(state, job=job), ()


def deadline_idle(state: State, event: e.DeadlinePassed, now: float) -> Result:
    return stop_pod(state, event.reason, now)


def idle(state: State, event: e.IdleTooLong, now: float) -> Result:
    return stop_pod(state, event.reason, now)


def owner_lost(state: State, event: e.OwnerLost, now: float) -> Result:
    reason = f"pod {event.by} has taken over the job's folder"
    return drain(state, Ending(Outcome.FAILED, reason, "let one pod at a time work on a job"), now)


def termed_busy(state: State, _event: e.Termed, now: float) -> Result:
    """The fast lane: the training is hurried, the outcome is on disk, then we leave."""
    ending = Ending(Outcome.INTERRUPTED, "the pod was taken from under the job")
    return drain(replace(state, leaving=True), ending, now)


def termed_draining(state: State, _event: e.Termed, _now: float) -> Result:
    state = replace(state, leaving=True)
    return state, (*((HurryAttempt(),) if state.alive is Alive.LIVE else ()), _timer(state))


def termed_idle(state: State, _event: e.Termed, _now: float) -> Result:
    return replace(state, leaving=True), (ExitAgent(0),)


def attempt_started(state: State, event: e.AttemptStarted, _now: float) -> Result:
    state = replace(state, job=records.begun(the_job(state), event), alive=Alive.LIVE)
    return state, _end(state)


def attempt_ended(state: State, event: e.AttemptEnded, _now: float) -> Result:
    reason = "ended on request" if event.ended.cancelled else endings.find(event.ended, event.failure).reason
    job = records.over(the_job(state), event, reason)
    return _on_end(replace(state, job=job, alive=Alive.NONE))


def attempt_unclaimed(state: State, event: e.AttemptUnclaimed, now: float) -> Result:
    ended = e.AttemptEnded(event.number, records.lost(now))
    return attempt_ended(state, ended, now)


def step_over(state: State, _event: e.Event, _now: float) -> Result:
    return _on_end(replace(state, stepping=False))


def opened(state: State, event: e.Opened, now: float) -> Result:
    """The order was ended before its folder was known: the record gets the ending that was decided."""
    decided = the_job(state)
    known = replace(event.job, phase=state.phase, ending=decided.ending, stop_because=decided.stop_because)
    last = known.open_attempt
    if last is not None:
        known = records.over(known, e.AttemptEnded(last.number, records.lost(now)), "lost in an earlier life")
    return _on_end(replace(state, job=known, opening=False))


def open_failed(state: State, _event: e.OpenFailed, _now: float) -> Result:
    return _on_end(replace(state, opening=False))


def drained(state: State, event: e.Drained, now: float) -> Result:
    if state.is_busy:
        return state, (Note("event=Drained answer=early"),)
    job, found = the_job(state), event.parting
    if found is not None:
        held = None if job.stop_because is not None or state.leaving else found.held
        job = replace(job, held=held, leave=found.leave, way_s=found.way_s)
    return _finish(replace(state, job=job), now)


def drain_overdue(state: State, event: e.DrainOverdue, now: float) -> Result:
    if event.serial != state.serial:
        return state, (Note("event=DrainOverdue answer=late"),)
    if (
        state.leaving and state.opening
    ):  # whether the job's folder is ours is not known: nothing is written there
        return state, (ExitAgent(0),)
    job = warned(the_job(state), OVERDUE) if state.is_busy else the_job(state)
    return _finish(replace(state, job=job, opening=False, stepping=False), now)


def ended_late(state: State, event: e.AttemptEnded | e.AttemptUnclaimed, now: float) -> Result:
    """What could not be killed has gone at last: the outcome stands, and the next order may come."""
    ended = event.ended if isinstance(event, e.AttemptEnded) else records.lost(now)
    over = e.AttemptEnded(event.number, ended)
    job = records.over(the_job(state), over, "ended on request")
    return replace(state, job=job, alive=Alive.NONE), ()


def _finish(state: State, now: float) -> Result:
    state = enter(state, Phase.FINISHED, now)
    return state, (After(0.0, e.Settle(state.serial)),)


def settle(state: State, event: e.Settle, now: float) -> Result:
    """The exit policy. timed_out always stops; cancelled waits under the idle watchdog; interrupted just leaves."""
    job = the_job(state)
    if event.serial != state.serial or job.ending is None:
        return state, (Note("event=Settle answer=late"),)
    if state.leaving:
        return state, (ExitAgent(0),)
    if state.was_stopping is not None:
        before = state.was_stopping
        return stop_pod(state, before.because, now, terminate=before.terminate)
    if job.stop_because is not None:
        return stop_pod(state, job.stop_because, now)
    match job.ending.outcome:
        case Outcome.FAILED if job.held is not None:
            return _hold(state, job.held, now)
        case Outcome.SUCCEEDED | Outcome.FAILED:
            return follow_policy(state, now)
        case Outcome.TIMED_OUT:
            return stop_pod(state, job.ending.reason, now)
        case Outcome.CANCELLED | Outcome.INTERRUPTED:
            return state, (Note(f"outcome={job.ending.outcome} policy=wait"),)


def _hold(state: State, held: Held, now: float) -> Result:
    """Nothing yet: the job failed before its first step, and somebody follows, or may come in time."""
    at = hold.ends_at(held)
    said = Note(f"policy=held seconds={max(0.0, at - now):.0f} by={held.by!r}")
    return state, (said,) if held.by is not None else (said, AwaitCompany(at))


def follow_policy(state: State, now: float, more: str = "") -> Result:
    """What the job's end brings for its pod."""
    job = the_job(state)
    leave = leaving.of(job)
    succeeded = job.ending is not None and job.ending.outcome is Outcome.SUCCEEDED
    because = f"the job has {'succeeded' if succeeded else 'failed'}{more}"
    because += f"; {leave.because}" if leave.because else ""
    match leave.policy:
        case ExitPolicy.TERMINATE:
            return stop_pod(state, because, now, terminate=True)
        case ExitPolicy.KEEP:
            return state, (Note("policy=keep"),)
        case ExitPolicy.EXIT:
            return state, (ExitAgent(_exit_code(state.job), leave=True),)
        case ExitPolicy.STOP | ExitPolicy.AUTO:
            return stop_pod(state, because, now)


def stop_pod(state: State, because: str, now: float, *, terminate: bool = False) -> Result:
    """Nothing leads back from here: the ladder is climbed until we are killed. Where there is no pod we just leave."""
    if not state.on_pod:
        said = Note(f"policy=exit because={because!r}: this is no RunPod pod, so the container ends instead")
        return state, (said, ExitAgent(_exit_code(state.job), leave=True))
    if state.job is not None:
        kept = state.job.stop_because if terminate else because
        state = replace(state, job=replace(state.job, stop_because=kept, held=None))
    state = replace(enter(state, Phase.STOPPING, now), stop_because=because)
    return state, (StopPod(terminate, because),)


def _exit_code(job: Job | None) -> int:
    """The command's own where it failed by itself; 1 for every other end that was not good."""
    if job is None or job.ending is None or job.ending.outcome is Outcome.SUCCEEDED:
        return 0
    last = job.attempts[-1].exit_code if job.attempts else None
    failed = job.ending.outcome is Outcome.FAILED
    return last if failed and last is not None and 0 < last <= MOST_CODE else 1


def stop_refused(state: State, event: e.StopRefused, _now: float) -> Result:
    note = Note(f"stop_rounds={event.rounds} still_here=1 error={event.error!r}")
    return replace(state, stop_rounds=event.rounds, stop_error=event.error), (note,)
