"""When a job runs again: outcome by cause, over real folders and several lives of the agent."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from pod_agent.pod.boot import Boot
from pod_agent.pod.moment import Moment
from pod_agent.pod.record import Accepted, counted_from
from pod_agent.run import events as e
from pod_agent.run.asks import Cancel
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import Outcome
from tests.fakes.world import Act, Lifetime, World, ended, new_boot

KEEP = JobSpec(
    "digits",
    "python train.py",
    resume="",
    max_restarts=3,
    on_finish=ExitPolicy.KEEP,
    on_failure=ExitPolicy.KEEP,
)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


CAUSES = ("same boot", "new boot", "new order", "new spec")
FIRST = {
    Outcome.SUCCEEDED: Act(),
    Outcome.FAILED: Act(ended(1)),
    Outcome.CANCELLED: Act(lasts=True),
    Outcome.INTERRUPTED: Act(lasts=True),
    Outcome.TIMED_OUT: Act(lasts=True),
}
RUNS_AGAIN = {
    *itertools.product(["new order", "new spec"], Outcome),
    ("same boot", Outcome.INTERRUPTED),
    ("new boot", Outcome.INTERRUPTED),
    ("new boot", Outcome.TIMED_OUT),
}


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("outcome", Outcome)
def test_the_rule_table_of_orders(world, cause, outcome):
    """Outcome by cause: what runs again does, what waits does, and a finished order is never run twice."""
    world.acts = [FIRST[outcome], Act()]
    job = replace(KEEP, max_hours=2.0)
    agent = Lifetime(world, job, order="o1").begin()
    match outcome:
        case Outcome.CANCELLED:
            agent.ask(Cancel("digits"))
        case Outcome.INTERRUPTED:
            agent.say(e.Termed())
        case Outcome.TIMED_OUT:
            agent.later(2 * 3600 + 1)
    assert agent.status.job.outcome is outcome
    match cause:
        case "same boot":
            Lifetime(world, job, order="o1").begin()
        case "new boot":
            new_boot(world, job, order="o1")
        case "new order":
            Lifetime(world, job, order="o2").begin()
        case "new spec":
            Lifetime(world, replace(job, command="python other.py"), order="o1").begin()
    assert len(world.begun) == (2 if (cause, outcome) in RUNS_AGAIN else 1)


@pytest.mark.parametrize(
    ("outcome", "begun"), [(Outcome.SUCCEEDED, 1), (Outcome.CANCELLED, 1), (Outcome.INTERRUPTED, 2)]
)
def test_an_order_that_the_job_s_own_record_knows(world, outcome, begun):
    """The pod's record is lost, or another pod carried it out: it is not run a second time, unless it resumes."""
    world.acts = [FIRST[outcome], Act()]
    agent = Lifetime(world, KEEP, order="o1").begin()
    if outcome is Outcome.CANCELLED:
        agent.ask(Cancel("digits"))
    if outcome is Outcome.INTERRUPTED:
        agent.say(e.Termed())
    (world.root / "ws" / ".podkeep" / "pods" / "pod-a.json").unlink()
    again = new_boot(world, KEEP, order="o1")
    assert len(world.begun) == begun
    assert again.status.job.order == "o1"
    assert again.status.job.outcome is (Outcome.SUCCEEDED if begun > 1 else outcome)


def test_the_hours_of_an_order_count_from_when_it_was_taken_up(world):
    """Given to a pod that has run for hours, by an agent that died before it worked on it: nothing ends it early."""
    first = Lifetime(world, KEEP, order="o1").begin()
    first.later(3 * 3600)
    taken = world.clock.now()
    other = replace(KEEP, name="other", max_hours=1.0)
    first.opening.accept(other, "o2")
    world.acts = [Act(lasts=True)]
    first.later(60)
    for _ in range(2):
        agent = Lifetime(world, KEEP, order="o1").begin()
        assert agent.status.job.name == "other"
        assert agent.status.deadline_at == pytest.approx(taken + 3600, abs=1)


def test_the_hours_of_an_order_never_count_from_before_the_boot():
    """Taken up in an earlier boot, it is gone on with in this one."""
    boot, now = Boot("b2", 5000.0), Moment(6000.0, 6000.0, "k")
    for given, since in ((400.0, 5000.0), (5500.0, 5500.0), (7000.0, 6000.0)):
        accepted = Accepted(KEEP, "o2", "", since=Moment(given, given, "k"))
        assert counted_from(accepted, boot, now) == since
    assert counted_from(Accepted(KEEP, "o2", ""), boot, now) == 5000.0
