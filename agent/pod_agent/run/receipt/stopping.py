"""Why this pod is stopped, who asked for it, and how long after the training's end: from the machine's state. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run import events as e
from pod_agent.run import exits
from pod_agent.run.situation import enter
from pod_wire.job import ExitPolicy
from pod_wire.receipt import Stop
from pod_wire.status import Outcome, Phase

if TYPE_CHECKING:
    from pod_agent.run.situation import State
    from pod_agent.run.state import Job


def stop_of(state: State, job: Job, now: float, asked_at: float | None) -> Stop | None:
    """None where nothing stops the pod by itself. ``asked_at``: the moment, where it is known or just now."""
    because = state.stop_because if state.phase is Phase.STOPPING else None
    if because is None:
        return None
    moment = asked_at if asked_at is not None else min(now, state.entered_at)
    ended_at = job.attempts[-1].ended_at if job.attempts else None
    after = None if ended_at is None or moment < ended_at else round(moment - ended_at, 3)
    return Stop(because, moment, after, state.stop_rounds)


def foreseen(state: State, now: float) -> Stop | None:
    """Of a job whose end is decided: what the exit policy is going to say, so that who leaves now knows it too."""
    job = state.job
    if job is None or job.ending is None or state.phase not in {Phase.DRAINING, Phase.FINISHED}:
        return None
    is_good = job.ending.outcome is Outcome.SUCCEEDED
    policy = job.spec.on_finish if is_good else job.spec.on_failure
    if job.leave is None and policy is ExitPolicy.AUTO:  # not reckoned yet
        return None
    finished = enter(replace(state, phase=Phase.DRAINING), Phase.FINISHED, now)
    after, _ = exits.settle(finished, e.Settle(finished.serial), now)
    return Stop(after.stop_because) if after.phase is Phase.STOPPING and after.stop_because else None
