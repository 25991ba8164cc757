"""The deeds of the table around a pod that is held for its failed job, and around a stop that an earlier agent began.

Pure functions. Not here: who is held and for how long (``hold``), the exit policy and the stop itself (``exits``).
"""

from __future__ import annotations

from dataclasses import replace

from pod_agent.run import events as e
from pod_agent.run import exits, hold, leaving
from pod_agent.run.commands import After, Note, Tell
from pod_agent.run.situation import Result, State, enter, the_job
from pod_wire.job import ExitPolicy
from pod_wire.status import Phase

RESUME_S = 10.0  # a stop that was under way waits no longer for the workspace


def followed(state: State, event: e.Followed, _now: float) -> Result:
    job = the_job(state)
    if job.held is None or job.held.by is not None:
        return state, (Note("event=Followed answer=late"),)
    held = hold.followed(job.held, event.by)
    words = hold.words(held, leaving.then(leaving.of(job).policy))
    return replace(state, job=replace(job, held=held)), (Tell(job, words),)


def hold_over(state: State, event: e.HoldOver, now: float) -> Result:
    """Nobody came, or nobody came back with a new order: what would have followed at once follows now."""
    job = the_job(state)
    if event.serial != state.serial or job.held is None:
        return state, (Note("event=HoldOver answer=late"),)
    words = hold.over_words(job.held)
    after, commands = exits.follow_policy(replace(state, job=replace(job, held=None)), now, f"; {words}")
    if (
        leaving.of(job).policy is ExitPolicy.KEEP
    ):  # idleness counts from now on, and is told of before it stops the pod
        after = enter(after, Phase.FINISHED, now)
    return after, (Tell(job, f"podkeep: {words}"), *commands)


def was_stopping(state: State, event: e.WasStopping, now: float) -> Result:
    """An earlier agent of this boot died on the ladder: the next one climbs on, once it knows of which job, or soon."""
    if state.opening and not event.insists:
        known = replace(event, insists=True)
        return replace(state, was_stopping=known), (After(RESUME_S, known),)
    if state.was_stopping is None and event.insists:
        return state, (Note("event=WasStopping answer=late"),)
    return exits.stop_pod(state, event.because, now, terminate=event.terminate)
