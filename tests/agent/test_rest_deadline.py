"""A boot in which no order is worked on has its hours too: those of the job that is over, else of the environment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod import brakes
from pod_agent.pod.boot import Boot
from pod_agent.pod.brakes import Deadline
from pod_agent.run import events as e
from pod_agent.run import limits, lineage
from pod_agent.run.asks import GiveOrder
from pod_agent.run.state import Ending, Job
from pod_agent.settings import Settings
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.orders import Verdict
from pod_wire.status import Outcome, Phase
from tests.fakes.clock import FakeClock
from tests.fakes.world import Lifetime, World, new_boot

HOUR = JobSpec("digits", "x", on_finish=ExitPolicy.KEEP, idle_minutes=0.0, max_hours=1.0)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def moment(agent):
    return agent.status.deadline_at


def test_a_job_that_was_over_before_it_bounds_a_boot(world):
    """From that boot's beginning, over agents and set clocks; the outcome that was told stays as it is."""
    Lifetime(world, HOUR, order="o1").begin()
    world.clock.advance(5 * 3600)
    began = world.clock.now()
    agent = new_boot(world, HOUR, order="o1")
    assert (agent.status.phase, moment(agent)) == (Phase.FINISHED, pytest.approx(began + 3600, abs=1))
    assert agent.status.stops_at == moment(agent)
    agent.later(1800)
    world.clock.jump(86_400.0)
    (world.root / "disk" / brakes.FILE).unlink()
    agent = Lifetime(world, HOUR, order="o1", hostname="h2").begin()
    assert moment(agent) == pytest.approx(began + 3600 + 86_400, abs=1)
    agent.later(1790)
    assert agent.status.phase is Phase.FINISHED
    agent.later(11)
    assert agent.status.phase is Phase.STOPPING
    assert agent.status.stops_because == "deadline: POD_MAX_HOURS=1 is over"
    assert agent.status.job.outcome is Outcome.SUCCEEDED


def test_no_later_boot_is_stopped_by_it(world):
    """Each has all of its hours, also where the container's disk outlives the stop."""
    Lifetime(world, HOUR, order="o1").begin()
    for _ in range(3):
        world.clock.advance(7200)
        (world.root / "disk" / "boot.json").unlink()
        agent = Lifetime(world, HOUR, order="o1", hostname=f"h{world.clock.now()}").begin().later(3590)
        assert agent.status.phase is Phase.FINISHED
        assert moment(agent) == pytest.approx(world.clock.now() + 10, abs=1)


def test_an_order_counts_its_own_hours_after_it(world):
    """Given to a pod that rested for a while: from then on, and none where it asks for none."""
    Lifetime(world, HOUR, order="o1").begin()
    for order, hours in (("o2", 1.0), ("o3", None)):
        agent = new_boot(world, HOUR, order="o1").later(1800)
        spec = replace(HOUR, max_hours=hours)
        given = world.clock.now()
        assert agent.ask(GiveOrder(spec, order)).accepted
        assert moment(agent) == (None if hours is None else pytest.approx(given + 3600, abs=1))


REST = Job(HOUR, "o1", "r1", 1.0, "b1", Phase.FINISHED, ending=Ending(Outcome.SUCCEEDED))
KEPT = Deadline(9.0, "b2", "o1", 1.0)
CASES = {
    "its own": (HOUR, None, None, 1000.0, 1000.0 + 3600),
    "its own before the environment's": (HOUR, 5.0, None, 1000.0, 1000.0 + 3600),
    "the environment's, where it has none": (replace(HOUR, max_hours=None), 5.0, None, 1000.0, 19_000.0),
    "nobody's": (replace(HOUR, max_hours=None), None, None, 1000.0, None),
    "never from before the boot": (HOUR, None, None, 10.0, 1000.0 + 3600),
    "from the order that another pod has carried out": (HOUR, None, None, 2000.0, 2000.0 + 3600),
    "the one that was set": (HOUR, None, KEPT, 1000.0, 9.0),
    "not the one of another boot": (HOUR, None, replace(KEPT, boot="b1"), 1000.0, 1000.0 + 3600),
}


@pytest.mark.parametrize("case", CASES)
def test_whose_hours_they_are(case):
    """The job's, else the environment's; from the boot in which it is seen."""
    spec, hours, kept, since, at = CASES[case]
    around = lineage.Circumstances(Boot("b2", 1000.0), 3000.0, since, kept, hours=hours)
    past = replace(REST, spec=spec, deadline=Deadline(5.0, "b1", "o1", 1.0))
    job = lineage.carry(past, Verdict.WAIT, spec, "o1", around)
    assert (job.boot, job.deadline and job.deadline.at) == ("b1", at)


def test_a_pod_without_a_job_has_those_of_its_environment(tmp_path):
    """From its boot on; what was kept of this boot comes first, what was kept of another says nothing."""
    clock = FakeClock()
    began = clock.now() - 60
    boot = Boot("b2", began)
    assert limits.first(tmp_path, clock, boot, None) is None
    assert limits.first(tmp_path, clock, boot, 2.0).at == began + 7200
    (tmp_path / brakes.FILE).write_bytes(brakes.dump(Deadline(5.0, "b1", "o1", 1.0)))
    clock.advance(1000.0)
    clock.jump(-1e6)
    found = limits.first(tmp_path, clock, replace(boot, booted_at=began - 1e6), 2.0)
    assert brakes.left_s(found, clock.now(), clock.monotonic()) == pytest.approx(7200 - 1060)
    (tmp_path / brakes.FILE).write_bytes(brakes.dump(Deadline(7.0, "b2", "o1", 1.0)))
    assert limits.first(tmp_path, clock, boot, 2.0).at == 7.0


@pytest.mark.parametrize(
    ("value", "hours"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("0", None),
        ("", None),
        ("nan", None),
        ("-1", None),
        ("9999", None),
        ("x", None),
    ],
)
def test_hours_are_read_without_a_job(value, hours):
    """What is no number of hours is off: without a job nobody can be told of a mistake but in the status."""
    assert Settings.from_env({"RUNPOD_POD_ID": "p", "POD_MAX_HOURS": value}).max_hours == hours


def test_a_waiting_pod_is_stopped_at_its_end(world):
    """With idleness off nothing else would ever stop it."""
    agent = Lifetime(world)
    boot = agent.opening.boot()
    found = limits.first(world.root / "disk", world.clock, boot, 1.0)
    agent.supervisor.update(lambda facts: replace(facts, deadline=found, idle_minutes=0.0))
    agent.supervisor.post(e.NothingToDo("no job was asked for"))
    agent.pump()
    assert (agent.status.phase, agent.status.stops_at) == (Phase.WAITING, agent.status.deadline_at)
    agent.later(3590)
    assert agent.status.phase is Phase.WAITING
    agent.later(11)
    assert (agent.status.phase, agent.status.stops_because) == (
        Phase.STOPPING,
        "deadline: POD_MAX_HOURS=1 is over",
    )
