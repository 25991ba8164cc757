"""A training that nothing could kill is given up, and nothing begins beside it."""

from __future__ import annotations

from dataclasses import replace

from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run import machine
from pod_agent.run.asks import GiveOrder
from pod_agent.run.situation import Alive, State
from pod_agent.run.state import Ending, Job
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.orders import Verdict
from pod_wire.status import Attempt, Outcome, Phase
from tests.fakes.world import ended

SPEC = JobSpec("digits", "python train.py", resume="", max_restarts=3)
RAN = Job(SPEC, "order-1", "r1", 1.0, "b1", attempts=(Attempt(1, pid=7, started_at=2.0),), tries=1)


def test_what_cannot_be_killed_keeps_the_next_order_out():
    """The job is given up after a minute, but no order runs beside a process that still lives, also for a new agent."""
    job = replace(RAN, ending=Ending(Outcome.CANCELLED), spec=replace(SPEC, on_failure=ExitPolicy.KEEP))
    state = State(phase=Phase.DRAINING, job=job, alive=Alive.LIVE, serial=1)
    state, _ = machine.step(state, e.DrainOverdue(1), 10.0)
    assert state.phase is Phase.FINISHED
    refused, commands = machine.step(state, GiveOrder(SPEC, "order-2"), 11.0)
    assert refused.phase is Phase.FINISHED
    assert not commands[0].verdict.accepted
    assert "has not ended" in commands[0].verdict.reason
    found, commands = machine.step(
        State(opening=True), e.Opened(state.job, Verdict.WAIT, same_boot=True), 12.0
    )
    assert c.FindAttempt(found.job, 1) in commands
    for still in (state, found):
        gone, _ = machine.step(still, e.AttemptEnded(1, ended(137, signal="KILL", reason="signalled")), 13.0)
        assert gone.job.attempts[-1].ended_at is not None
        assert gone.job.ending == job.ending
        accepted, _ = machine.step(gone, GiveOrder(SPEC, "order-2"), 14.0)
        assert accepted.phase is Phase.SYNCING
