"""The deeds of the table when a job's folder is ours: begin, go on, attach to what still runs, or stay finished.

Pure functions; the reading behind them is in ``opening``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run import events as e
from pod_agent.run import exits, moves
from pod_agent.run.commands import After, FindAttempt, Note, Sync
from pod_agent.run.situation import Alive, Result, State, enter, the_job
from pod_agent.run.state import Ending, Job
from pod_wire.orders import Verdict
from pod_wire.status import Outcome, Phase

if TYPE_CHECKING:
    from pod_agent.run.commands import Command

LEAST_DRAIN_S = 5.0  # to find what lives, and be told of its end


def opened(state: State, event: e.Opened, now: float) -> Result:
    """What follows from the rule table of orders, and from what an earlier life of the agent left behind."""
    said: tuple[Command, ...] = (Note(f"order={event.job.order} verdict={event.verdict} {event.reason!r}"),)
    ended_before = event.job.ending is not None and event.verdict is Verdict.WAIT
    if ended_before and event.same_boot and event.job.phase is Phase.DRAINING:
        after, commands = _drain_on(state, event.job, now)
        return after, (*said, *commands)
    state = replace(state, job=event.job, opening=False)
    if event.verdict is Verdict.WAIT:
        state = replace(_finished_again(state, event.job, now), waits_because=event.reason)
        if not event.same_boot:
            return state, said
        return _settled_again(state, said)
    state = replace(state, was_stopping=None)  # this job goes on in this boot: nothing ends here
    last = event.job.open_attempt
    if last is not None:
        state = enter(replace(state, alive=Alive.ASKED), Phase.RUNNING, now)
        timer = After(moves.START_S, e.Overdue(state.serial))
        return state, (*said, FindAttempt(the_job(state), last.number), timer)
    state = enter(replace(state, stepping=True), Phase.SYNCING, now)
    return state, (*said, Sync(the_job(state)))


def _drain_on(state: State, job: Job, now: float) -> Result:
    """The agent died while it was draining: an attempt may still live, and its end was decided already."""
    last = job.open_attempt
    alive = Alive.ASKED if last is not None else Alive.NONE
    ending = job.ending or Ending(Outcome.FAILED, "the reason was lost")
    state = replace(state, job=job, opening=False, alive=alive)
    after, commands = exits.drain(state, ending, now)
    find = (FindAttempt(the_job(after), last.number),) if last is not None else ()
    rest = After(_drain_left(job, now), e.DrainOverdue(after.serial))  # no agent begins the minute anew
    return after, (*find, *commands, rest)


def _drain_left(job: Job, now: float) -> float:
    """What is left of the time to drain, over agents that died meanwhile. A clock set back gives no more than all."""
    began = now
    for time in reversed(job.phases):
        if time.phase is not Phase.DRAINING:
            break
        began = min(began, time.started_at)
    return min(exits.DRAIN_S, max(LEAST_DRAIN_S, began + exits.DRAIN_S - now))


def _settled_again(state: State, said: tuple[Command, ...]) -> Result:
    """In this very boot: what could not be killed before the job was given up may live still."""
    last = the_job(state).open_attempt
    settle = After(0.0, e.Settle(state.serial))
    if last is None:
        return state, (*said, settle)
    return replace(state, alive=Alive.ASKED), (*said, FindAttempt(the_job(state), last.number), settle)


def _finished_again(state: State, job: Job, now: float) -> State:
    """A job that stays finished keeps its record and its times as they are."""
    return replace(state, job=job, phase=Phase.FINISHED, entered_at=now, serial=state.serial + 1)


def open_failed(state: State, event: e.OpenFailed, now: float) -> Result:
    state = replace(state, job=event.job, opening=False)
    return exits.drain(state, Ending(Outcome.FAILED, event.reason, event.remedy), now)
