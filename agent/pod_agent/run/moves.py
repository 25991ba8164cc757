"""The deeds of the table on the way from an order to the end of its last attempt. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod.record import MOST_ORDERS
from pod_agent.run import endings, exits, records, rehearsal, stalls
from pod_agent.run import events as e
from pod_agent.run.commands import (
    After,
    CancelAttempt,
    Install,
    KillAttempt,
    Note,
    Open,
    Restore,
    Say,
    StartAttempt,
    Sync,
)
from pod_agent.run.failures.failure import Again
from pod_agent.run.situation import Alive, Result, State, agreed, enter, refused, the_job
from pod_agent.run.state import MOST_ATTEMPTS, MOST_TOLD, Ending, Job, warned
from pod_wire.status import Attempt, Outcome, Phase, Rehearsed

if TYPE_CHECKING:
    from pod_agent.run.asks import GiveOrder, Restart

OPEN_S = 180.0  # another pod's record is watched for a minute; the rest is reading
START_S = 300.0
OLDER = "this order was accepted before, and a newer one since: it is not run again"


def accept(state: State, event: GiveOrder, now: float) -> Result:
    """Take an order up. What is known of its job is read next; until then nothing is written in its folder."""
    if state.job is not None and event.order_id == state.job.order:
        return state, (agreed("this order was accepted before"),)
    if event.order_id in state.given:
        return state, (agreed(OLDER),)
    if state.opening or state.leaving:
        return state, (refused("the pod is not ready for an order", "ask again in a few seconds"),)
    if state.alive is not Alive.NONE:  # with a process that cannot be killed nothing may train beside it
        return state, (refused(exits.STILL_THERE, "wait, or stop the pod and start it again"),)
    job = Job(event.spec, event.order_id, run="", run_began_at=now, boot="", accepted_at=now)
    orders = (*state.given, event.order_id)[-MOST_ORDERS:]
    fresh = State(
        warnings=state.warnings, on_pod=state.on_pod, serial=state.serial, job=job, opening=True, given=orders
    )
    state = enter(fresh, Phase.SYNCING, now)
    timer = After(OPEN_S, e.Overdue(state.serial))
    return state, (Open(event.spec, event.order_id), agreed("order accepted"), timer)


def given(state: State, event: e.Given, _now: float) -> Result:
    return replace(state, given=event.orders), ()


def nothing_to_do(state: State, event: e.NothingToDo, now: float) -> Result:
    climbs = () if state.was_stopping is None else (After(0.0, state.was_stopping),)
    return replace(state, opening=False, entered_at=now), (Note(f"waiting reason={event.reason!r}"), *climbs)


def synced(state: State, event: e.Synced, now: float) -> Result:
    job = warned(replace(the_job(state), commit=event.commit), *event.warnings)
    state = enter(replace(state, job=job, stepping=True), Phase.INSTALLING, now)
    return state, (Install(the_job(state)),)


def installed(state: State, event: e.Installed, now: float) -> Result:
    job = warned(replace(the_job(state), installed=event.words), *event.warnings)
    state = enter(replace(state, job=job, prepared=True, stepping=True), Phase.RESTORING, now)
    return state, (Restore(the_job(state)),)


def restored(state: State, event: e.Restored, now: float) -> Result:
    """Number an attempt, or take the number that was never claimed. It is on disk before anybody claims it."""
    known = warned(the_job(state), *event.warnings)
    job = rehearsal.given(known, event.step, event.others, is_fresh=event.path is None)
    decided = rehearsal.ending(known, job)
    if decided is not None:
        return exits.drain(replace(state, job=job, stepping=False), decided, now)
    last = job.open_attempt
    if last is not None and last.started_at is not None:
        job, last = records.over(job, e.AttemptEnded(last.number, records.lost(now)), "lost"), None
    number = last.number if last is not None else _next_number(job)
    earlier = job.attempts[:-1] if last is not None else job.attempts
    attempt = Attempt(number)
    if job.spec.resume is not None:  # without, the command was told nothing: do not claim that it resumed
        attempt = replace(attempt, resumed_from=event.path, resumed_step=event.step)
    newest = event.place or job.checkpoint
    job = replace(
        job,
        attempts=(*earlier, attempt)[-MOST_ATTEMPTS:],
        tries=max(1, job.tries) if last is not None else job.tries + 1,
        before=newest,
        checkpoint=newest,
    )
    state = enter(replace(state, job=job, stepping=False, alive=Alive.ASKED), Phase.RUNNING, now)
    return state, (StartAttempt(the_job(state), number), After(START_S, e.Overdue(state.serial)))


def _next_number(job: Job) -> int:
    return job.attempts[-1].number + 1 if job.attempts else 1


def step_failed(state: State, event: e.StepFailed, now: float) -> Result:
    ending = Ending(Outcome.FAILED, f"{event.phase} failed: {event.reason}", event.remedy)
    return exits.drain(replace(state, stepping=False), ending, now)


def unfit(state: State, event: e.Unfit, now: float) -> Result:
    """The step under way is ended; what it was making is of no use here. A pod without its GPUs is not kept either."""
    because = event.reason if event.ends_pod and state.on_pod else None
    return exits.drain(state, Ending(Outcome.FAILED, event.reason, event.remedy), now, stop_because=because)


def step_lost(state: State, event: e.StepCancelled, now: float) -> Result:
    ending = Ending(Outcome.FAILED, f"{event.phase} ended unasked", "look at the log, and run it again")
    return exits.drain(replace(state, stepping=False), ending, now)


def attempt_started(state: State, event: e.AttemptStarted, _now: float) -> Result:
    job = records.begun(the_job(state), event)
    state = replace(state, job=job, alive=Alive.LIVE)
    if state.restarting:
        return state, (CancelAttempt(),)
    if stalls.is_ending(job, event.number):
        return state, stalls.again(job)
    return state, (KillAttempt(),) if _is_being_killed(job) else ()  # an earlier agent had decided it


def attempt_unclaimed(state: State, event: e.AttemptUnclaimed, now: float) -> Result:
    """Numbered in an earlier life. If that life saw it begin, it is lost; else it may be claimed once."""
    job = the_job(state)
    last = job.open_attempt
    if last is not None and last.started_at is not None:
        return attempt_ended(state, e.AttemptEnded(event.number, records.lost(now)), now)
    state = enter(replace(state, alive=Alive.NONE, stepping=True), Phase.SYNCING, now)
    return state, (Sync(the_job(state)),)


def attempt_ended(state: State, event: e.AttemptEnded, now: float) -> Result:
    if records.stall_of(the_job(state), event) is not None and not state.restarting:
        return stalls.ended(state, event, now)
    found = endings.find(event.ended, event.failure)
    job, rehearsed = rehearsal.ended(records.over(the_job(state), event, found.reason), event)
    again = state.restarting or event.ended.cancelled or rehearsed
    state = replace(state, job=job, alive=Alive.NONE, restarting=False)
    if again:
        job = replace(job, tries=max(0, job.tries - 1))
        return _pause(replace(state, job=job), 0.0, now)
    if found.again is Again.DONE and event.ended.output_bytes == 0:
        job = warned(job, endings.SILENT_SUCCESS)
    verdict = endings.judge(job, event.ended, event.failure)
    if isinstance(verdict, Ending):
        job, verdict = rehearsal.judged(job, verdict)
        return exits.drain(replace(state, job=job), verdict, now)
    state = replace(state, job=job)
    seconds = endings.pause_s(job.tries) if state.prepared else 0.0  # coming back was pause enough
    return _pause(state, seconds, now)


def _pause(state: State, seconds: float, now: float) -> Result:
    return replace(state, next_attempt_at=now + seconds), (After(seconds, e.PauseOver(state.serial)),)


def pause_over(state: State, event: e.PauseOver, now: float) -> Result:
    if event.serial != state.serial or state.alive is not Alive.NONE:
        return state, (Note("event=PauseOver answer=late"),)
    if state.prepared:
        state = enter(replace(state, stepping=True), Phase.RESTORING, now)
        return state, (Restore(the_job(state)),)
    state = enter(replace(state, stepping=True), Phase.SYNCING, now)
    return state, (Sync(the_job(state)),)


def overdue(state: State, event: e.Overdue, now: float) -> Result:
    """A mount that hangs must not bill for ever: what never came is given up, and the pod waits or fails."""
    if event.serial != state.serial or not (state.opening or state.alive is Alive.ASKED):
        return state, (Note("event=Overdue answer=late"),)
    if state.phase is Phase.WAITING:
        state = replace(state, opening=False, entered_at=now)
        return warn(state, e.Warned("the job's folder does not open: does the workspace answer?"), now)
    what = "the job's folder did not open" if state.opening else "the attempt did not start"
    ending = Ending(Outcome.FAILED, f"{what} in time", "does the workspace answer?")
    return exits.drain(state, ending, now)


def became_whole(state: State, event: e.BecameWhole, now: float) -> Result:
    before = replace(the_job(state), checkpoint=event.place)
    if state.phase is not Phase.RUNNING or state.alive is not Alive.LIVE or state.restarting:
        return replace(state, job=before), ()
    job = rehearsal.seen(before, event.place, was_read=event.was_read)
    decided = rehearsal.ending(before, job)
    if decided is not None:
        return exits.drain(replace(state, job=job), decided, now)
    told = job.rehearsal
    if told is None or told == before.rehearsal:
        return replace(state, job=job), ()
    if told.state is Rehearsed.UNPROVED:
        job = warned(job, f"the rehearsal proved nothing: {told.text}")
    command = KillAttempt() if _is_being_killed(job) else Say(rehearsal.words(told))
    return replace(state, job=job), (command,)


def _is_being_killed(job: Job) -> bool:
    told, last = job.rehearsal, job.open_attempt
    is_open = told is not None and told.state is Rehearsed.KILLING
    return is_open and last is not None and told is not None and last.number == told.attempt


def nearing(state: State, event: e.Nearing, _now: float) -> Result:
    """Once for each limit, also after the agent has died: that it was told is in the record before it is."""
    job = the_job(state)
    has_voice = (
        state.stepping or state.alive is Alive.LIVE
    )  # amid a start the log is nobody's: told a second later
    if event.key in job.told or not has_voice:
        return state, ()
    told = (*job.told, event.key)[-MOST_TOLD:]
    return replace(state, job=warned(replace(job, told=told), event.text)), (Say(f"podkeep: {event.text}"),)


def restart(state: State, event: Restart, now: float) -> Result:
    job = the_job(state)
    if event.job != job.name:
        return state, (refused(f"there is no job {event.job!r} here", f"the job is {job.name!r}"),)
    if state.alive is Alive.NONE:
        after, commands = _pause(state, 0.0, now)
        return after, (agreed("trying again now"), *commands)
    end = (CancelAttempt(),) if state.alive is Alive.LIVE else ()
    return replace(state, restarting=True), (agreed("the attempt is being ended, then resumed"), *end)


def warn(state: State, event: e.Warned, _now: float) -> Result:
    if event.text in state.warnings:
        return state, ()
    return replace(state, warnings=(*state.warnings, event.text)[-40:]), (Note(f"warning={event.text!r}"),)
