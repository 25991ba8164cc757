"""Holding a pod for a job that failed before its first step: who gets it, for how long, and what ends it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod.idle.leases import Lease
from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run import hold
from pod_agent.run.asks import GiveOrder, Stop
from pod_agent.run.hold import Company
from pod_agent.run.left import Leave, Parting
from pod_agent.run.situation import State
from pod_agent.run.state import Ending, Job
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import CheckpointPlace, Held, Outcome, Phase, Progress
from tests.fakes.world import Act, Lifetime, World, ended, new_boot

SPEC = JobSpec("digits", "python train.py", hold_minutes=30.0)
FAILED = Job(SPEC, "o", "r", 0.0, "b", accepted_at=50.0, ending=Ending(Outcome.FAILED, "ImportError"))
HERE, MAY_COME, NOBODY = Company("somebody follows it"), Company(come_by=190.0), Company()
PLACE = CheckpointPlace("/w/c", 5, 1, 60.0)

BEGUN = {
    "somebody follows": (FAILED, HERE, False, Held(1900.0, 30.0, "somebody follows it")),
    "somebody may come": (FAILED, MAY_COME, False, Held(1900.0, 30.0, None, 190.0)),
    "nobody follows": (FAILED, NOBODY, False, None),
    "nobody came in time": (FAILED, Company(come_by=99.0), False, None),
    "it has stepped": (FAILED, HERE, True, None),
    "it is not asked for": (replace(FAILED, spec=replace(SPEC, hold_minutes=0.0)), HERE, False, None),
    "somebody asked to stop": (replace(FAILED, stop_because="asked to stop"), HERE, False, None),
    **{
        f"it {outcome}": (replace(FAILED, ending=Ending(outcome)), HERE, False, None)
        for outcome in Outcome
        if outcome is not Outcome.FAILED
    },
    "it has not ended": (replace(FAILED, ending=None), HERE, False, None),
}


@pytest.mark.parametrize("case", BEGUN)
def test_who_is_held(case):
    """A failure before the first step that somebody follows."""
    job, company, stepped, held = BEGUN[case]
    found = hold.begin(job, company, stepped=stepped, now=100.0, mono=5.0)
    assert found == (held and replace(held, over_at=held.until - 95.0))


@pytest.mark.parametrize(("left_s", "until"), [(300.0, 400.0), (1e6, 1900.0), (0.0, None)])
def test_it_is_never_held_longer_than_the_pod_may_last(left_s, until):
    """The first of its deadlines is an end of it too; one that has passed leaves nothing to hold."""
    found = hold.begin(FAILED, HERE, stepped=False, now=100.0, mono=5.0, most_s=left_s)
    assert found == (None if until is None else Held(until, 30.0, HERE.by, over_at=until - 95.0))


@pytest.mark.parametrize(
    ("progress", "checkpoint", "stepped"),
    [
        (None, None, False),
        (Progress(step=7, step_at=49.0), None, False),  # of the order before it
        (Progress(step=7, step_at=50.0), None, True),
        (Progress(step=7), None, False),
        (None, PLACE, True),
    ],
)
def test_a_step_of_this_order_counts(progress, checkpoint, stepped):
    """Steps of an earlier order are none; a checkpoint that is new tells of steps that nobody told."""
    assert hold.has_stepped(replace(FAILED, checkpoint=checkpoint), progress) is stepped


def test_a_checkpoint_that_was_there_before_is_no_step():
    """A job that resumed and failed at once has not stepped."""
    assert not hold.has_stepped(replace(FAILED, before=PLACE, checkpoint=PLACE), None)


def held_state(held):
    return State(phase=Phase.FINISHED, job=replace(FAILED, held=held))


@pytest.mark.parametrize("jump", [-1e6, -600.0, 0.0, 600.0, 1e6])
def test_a_clock_that_jumps_neither_ends_nor_lengthens_it(jump):
    """What is left is counted on the clock that never jumps, also by an agent that comes back."""
    state = held_state(Held(1900.0, 30.0, "x", over_at=1805.0))
    assert hold.left_s(state, 110.0 + jump, 15.0) == 1790.0
    assert hold.left_s(state, 0.0 + jump, 1805.0) == 0.0


@pytest.mark.parametrize("over_at", [None, 1e7])
def test_where_the_kernel_is_gone_the_wall_clock_tells(over_at):
    """Its moment is absolute; a clock set back gives the minutes at most, and one set forward ends it."""
    state = held_state(Held(1900.0, 30.0, "x", over_at=over_at))
    assert hold.left_s(state, 1000.0, 7.0) == 900.0
    assert hold.left_s(state, -1e6, 7.0) == 1800.0
    assert hold.left_s(state, 1e6, 7.0) == 0.0


def test_who_may_come_has_until_then():
    """The first end is near; when somebody came, it is the whole time."""
    held = Held(1900.0, 30.0, None, 190.0, over_at=1800.0)
    assert hold.left_s(held_state(held), 100.0, 0.0) == 90.0
    assert hold.left_s(held_state(hold.followed(held, "x")), 150.0, 50.0) == 1750.0


def test_a_lease_puts_its_end_off():
    """`pod-client keep` during a hold does what one expects."""
    state = held_state(Held(1900.0, 30.0, "x", over_at=1805.0))
    lease = Lease(until=7300.0, over_at=7205.0, seconds=7200.0, given_at=100.0)
    assert hold.left_s(state, 100.0, 5.0, (lease,)) == 7200.0
    assert hold.shown(state, (lease,)).until == 7300.0


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, acts=[Act(ended(1))])


def held_agent(world, *, spec=SPEC, by="somebody follows it", come_s=None, leave=None):
    now = world.clock.now()
    over_at = world.clock.monotonic() + 1800.0
    held = Held(now + 1800.0, 30.0, by, None if come_s is None else now + come_s, over_at)
    world.fail[c.Drain] = e.Drained(Parting(held, leave, 60.0))
    return Lifetime(world, spec).begin()


def test_it_is_held_and_then_the_policy_follows(world):
    """Told with its moment and reason; idleness does not count meanwhile; then the pod stops, and says why."""
    agent = held_agent(world)
    assert agent.status.phase is Phase.FINISHED
    assert agent.status.stops_because == "hold"
    assert agent.status.job.held.minutes == 30.0
    told = [entry for entry in agent.journal_kinds("digits") if entry["kind"] == "hold"]
    assert told == [
        {"at": told[0]["at"], "kind": "hold", "until": agent.status.job.held.until, "by": HERE.by}
    ]
    agent.later(1799)
    assert agent.status.phase is Phase.FINISHED
    agent.later(2)
    assert agent.status.phase is Phase.STOPPING
    assert "the hold of 30 minutes is over" in agent.status.stops_because
    assert world.stops == [False]
    assert any(isinstance(one, c.Tell) and "hold of 30" in one.text for one in world.done)


def test_a_new_order_goes_in(world):
    """The next `up` ends the hold, and nothing of it is left."""
    agent = held_agent(world)
    del world.fail[c.Drain]
    world.acts = [Act(ended(1)), Act()]
    verdict = agent.ask(GiveOrder(SPEC, "order-2"))
    assert verdict.accepted
    assert agent.status.job.held is None
    assert agent.status.job.outcome is Outcome.SUCCEEDED
    assert world.stops == [False]


def test_a_stop_ends_it_at_once(world):
    """Nobody waits for a hold who was asked to stop."""
    agent = held_agent(world)
    assert agent.ask(Stop()).accepted
    assert agent.status.phase is Phase.STOPPING
    assert agent.status.job.held is None


def test_the_deadline_ends_it(world):
    """A hold lasts no longer than the pod may."""
    agent = held_agent(world, spec=replace(SPEC, max_hours=0.25))
    agent.later(901)
    assert agent.status.phase is Phase.STOPPING
    assert "POD_MAX_HOURS" in agent.status.stops_because


@pytest.mark.parametrize("minutes", [10, 29.9])
def test_an_agent_that_dies_amid_it_changes_nothing(world, minutes):
    """The moment is on disk: the next agent of this boot holds on until then, and no longer."""
    until = held_agent(world).status.job.held.until
    world.clock.advance(minutes * 60)
    again = Lifetime(world, SPEC).begin()
    assert again.status.phase is Phase.FINISHED
    assert again.status.job.held.until == until
    again.later((30 - minutes) * 60 + 1)
    assert again.status.phase is Phase.STOPPING


def test_a_new_boot_is_not_held(world):
    """What an earlier boot was held for is over; the job waits, under the idle brake."""
    held_agent(world)
    again = new_boot(world, SPEC)
    assert again.status.job.held is None
    assert again.status.phase is Phase.FINISHED


def test_nobody_came(world):
    """Held for whoever may come, and nobody did: the policy follows early, and says so."""
    agent = held_agent(world, by=None, come_s=90.0)
    assert any(isinstance(one, c.AwaitCompany) for one in world.done)
    agent.later(91)
    assert agent.status.phase is Phase.STOPPING
    assert "nobody followed" in agent.status.stops_because


def test_somebody_came(world):
    """Who comes in time is told so in the log, and has the whole time; once is enough."""
    agent = held_agent(world, by=None, come_s=90.0)
    agent.say(e.Followed("somebody follows it"))
    agent.say(e.Followed("somebody else"))
    told = [one.text for one in world.done if isinstance(one, c.Tell)]
    assert len(told) == 1
    assert "the pod is held until" in told[0]
    agent.later(1700)
    assert agent.status.phase is Phase.FINISHED
    assert agent.status.job.held.by == "somebody follows it"


@pytest.mark.parametrize("policy", [ExitPolicy.TERMINATE, ExitPolicy.STOP])
def test_what_was_reckoned_at_the_end_is_done_after_it(world, policy):
    """The exit policy's finding outlives the hold, with its words."""
    agent = held_agent(world, leave=Leave(policy, "auto: so"))
    agent.later(1801)
    assert world.stops == [policy is ExitPolicy.TERMINATE]
    assert agent.status.stops_because.endswith("; auto: so")


@pytest.mark.parametrize(("idle_minutes", "later_s"), [(60.0, 5400.0), (15.0, 2700.0), (0.0, None)])
def test_a_pod_that_is_kept_anyway_has_all_its_idle_minutes_after_it(world, idle_minutes, later_s):
    """With the policy keep idleness counts from the hold's end on, over agents too; that moment is told all along."""
    spec = replace(SPEC, on_failure=ExitPolicy.KEEP, idle_minutes=idle_minutes)
    agent = held_agent(world, spec=spec)
    began = world.clock.now()
    moment = (None, None) if later_s is None else (pytest.approx(began + later_s), "idle")
    assert (agent.status.stops_at, agent.status.stops_because) == moment
    agent.later(1801)
    assert (agent.status.phase, agent.status.job.held) == (Phase.FINISHED, None)
    agent = Lifetime(world, spec).begin()
    moment = (None, None) if later_s is None else (pytest.approx(began + later_s, abs=2.0), "idle")
    assert (agent.status.stops_at, agent.status.stops_because) == moment
    agent.later((later_s or 1e5) - 1801 - 5)
    assert agent.status.phase is Phase.FINISHED
    agent.later(10)
    assert (agent.status.phase is Phase.STOPPING) is (later_s is not None)
