"""Random histories of a held pod, with dying agents, clock jumps and visitors: held as long as said, no longer."""

from __future__ import annotations

import pytest

from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run.left import Leave, Parting
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import Held, Phase
from tests.fakes.world import Act, Lifetime, World, ended
from tests.story.seen import dice

SPEC = JobSpec("digits", "python train.py", hold_minutes=30.0)
HOLD_S = 1800.0


def history(root, rng, *, jumps):
    """When the pod was asked to stop, in seconds after the hold began, by the clock that never jumps."""
    world = World(root, acts=[Act(ended(1))])
    leave = rng.choice([None, Leave(ExitPolicy.STOP, "auto: so"), Leave(ExitPolicy.TERMINATE, "auto: so")])
    over_at = world.clock.monotonic() + HOLD_S
    held = Held(world.clock.now() + HOLD_S, 30.0, "somebody follows it", over_at=over_at)
    world.fail[c.Drain] = e.Drained(Parting(held, leave, 1.0))
    agent, began = Lifetime(world, SPEC).begin(), world.clock.monotonic()
    for _ in range(400):
        if world.stops:
            assert world.stops == [leave is not None and leave.policy is ExitPolicy.TERMINATE]
            return world.clock.monotonic() - began
        assert agent.status.phase is Phase.FINISHED
        match rng.choice(["time", "time", "death", "visit", "jump" if jumps else "time"]):
            case "time":
                agent.later(rng.uniform(1, 60))
            case "death":
                agent = Lifetime(world, SPEC).begin()
            case "visit":
                agent.say(e.Followed("somebody else"))
            case "jump":
                world.clock.jump(rng.uniform(-7200, 7200))
    pytest.fail("the pod was never stopped")


@pytest.mark.slow
@pytest.mark.parametrize("jumps", [False, True])
def test_it_is_held_as_long_as_said(tmp_path, jumps):
    """Whatever dies or jumps, the exit policy follows once, within a minute after the end and never before it."""
    rng = dice("holds")
    for number in range(20):
        stopped_at = history(tmp_path / str(number), rng, jumps=jumps)
        assert HOLD_S <= stopped_at <= HOLD_S + 60
