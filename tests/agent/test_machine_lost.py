"""An agent that comes back after a crash: an attempt whose claim is gone, and a drain that was under way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run import exits, machine
from pod_agent.run.situation import Alive, State
from pod_agent.run.state import Ending, Job
from pod_wire.job import JobSpec
from pod_wire.orders import Verdict
from pod_wire.status import Attempt, Outcome, Phase, PhaseTime

SPEC = JobSpec("digits", "python train.py", max_hours=1.0)
RAN = Job(
    SPEC, "o1", run="r1", run_began_at=1.0, boot="b1", attempts=(Attempt(1, pid=7, started_at=2.0),), tries=1
)


@pytest.mark.parametrize(("restarts", "phase"), [(0, Phase.DRAINING), (3, Phase.RUNNING)])
def test_a_lost_attempt_is_over(restarts, phase):
    """The container came back on a wiped layer: what ran there is lost, and the job fails or goes on, as it may."""
    job = replace(RAN, spec=replace(SPEC, max_restarts=restarts))
    state = State(phase=Phase.RUNNING, job=job, alive=Alive.ASKED, serial=1)
    after, _ = machine.step(state, e.AttemptUnclaimed(1), 10.0)
    assert after.phase is phase
    assert after.job.attempts[-1].ended_at is not None


def overdue(commands):
    """The seconds after which the drain is given up."""
    return min(
        one.seconds for one in commands if isinstance(one, c.After) and isinstance(one.event, e.DrainOverdue)
    )


def test_agents_that_die_while_draining_drain_for_a_minute_altogether():
    """The third agent gets what the first two have left of it, and a few seconds where nothing is left."""
    phases = (
        PhaseTime(Phase.RUNNING, 2.0, 98.0),
        PhaseTime(Phase.DRAINING, 100.0, 20.0),
        PhaseTime(Phase.DRAINING, 120.0),
    )
    job = replace(RAN, phase=Phase.DRAINING, phases=phases, ending=Ending(Outcome.TIMED_OUT))
    event = e.Opened(job, Verdict.WAIT, same_boot=True)
    assert overdue(machine.step(State(opening=True), event, 130.0)[1]) == 30.0
    assert overdue(machine.step(State(opening=True), event, 900.0)[1]) == 5.0
    assert overdue(machine.step(State(opening=True), event, -900.0)[1]) == exits.DRAIN_S


def test_a_minute_after_the_deadline_the_stop_has_been_asked_for():
    """What cannot be killed gets fifty seconds of it, as whoever watches is told the end before the pod goes."""
    state = State(phase=Phase.RUNNING, job=RAN, alive=Alive.LIVE, serial=1)
    _, commands = machine.step(state, e.DeadlinePassed("deadline"), 10.0)
    assert overdue(commands) == 50.0
