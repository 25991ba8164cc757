"""The supervisor under the idle brake: it stops the pod by what was published, and never without a look."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod.idle.brake import Brake
from pod_agent.pod.idle.fold import fold
from pod_agent.pod.idle.leases import Lease
from pod_agent.pod.idle.memory import fresh
from pod_agent.pod.idle.signs import Name, Reading, Sample, State
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import Phase
from tests.fakes.world import Act, Lifetime, World

JOB = JobSpec("digits", "python train.py", on_finish=ExitPolicy.KEEP)


class Watched:
    """An agent whose signals are looked at by hand."""

    def __init__(self, world, job=None):
        self.clock = world.clock
        self.memory = fresh(self.clock.monotonic())
        self.agent = Lifetime(world, job).begin()
        self.look()

    def look(self, leases=(), **busy):
        at = self.clock.monotonic()
        states = dict.fromkeys(Name, State.IDLE) | {Name[name]: state for name, state in busy.items()}
        is_resting = self.agent.supervisor.state.phase in {Phase.WAITING, Phase.FINISHED}
        readings = tuple(Reading(name, state, "") for name, state in states.items())
        self.memory = fold(self.memory, Sample(at, is_resting=is_resting, readings=readings), 900.0)
        brake = Brake(self.memory, leases)
        self.agent.supervisor.update(lambda facts: replace(facts, brake=brake))
        self.agent.supervisor.turn(None)
        self.agent.pump()

    def live(self, seconds, **more):
        """A look every ten seconds."""
        for _ in range(int(seconds // 10)):
            self.clock.advance(10)
            self.look(**more)

    @property
    def status(self):
        return self.agent.status


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_use_puts_the_stop_off(world):
    """Two hours of computing, then half an hour of nothing: the pod stops then, and says by whom it was held."""
    pod = Watched(world)
    pod.live(2 * 3600, PROGRAMS=State.BUSY)
    assert pod.status.phase is Phase.WAITING
    pod.live(1790)
    assert pod.status.phase is Phase.WAITING
    assert pod.status.stops_because == "idle"
    pod.live(20)
    assert pod.status.phase is Phase.STOPPING
    assert world.stops == [False]
    assert "30 min; the last one: programs" in pod.status.stops_because


def test_no_stop_without_a_look(world):
    """The moment has come, and nobody has looked since: first it is looked."""
    pod = Watched(world)
    pod.live(890)
    pod.agent.later(15)
    assert pod.status.phase is Phase.WAITING
    pod.look(SSH=State.BUSY)
    assert pod.status.phase is Phase.WAITING
    assert pod.status.stops_at == pytest.approx(world.clock.now() + 1800)


def test_a_look_that_finds_nothing_stops_it(world):
    """At that very moment."""
    pod = Watched(world)
    pod.live(890)
    pod.agent.later(15)
    pod.look()
    assert pod.status.phase is Phase.STOPPING
    assert "no job for 15 minutes" in pod.status.stops_because


def test_nobody_looks_any_more(world):
    """A thread that hangs keeps no pod for ever: what is unknown counts for an hour."""
    pod = Watched(world)
    pod.live(60)
    for _ in range(89):
        pod.agent.later(60)
        assert pod.status.phase is Phase.WAITING
    pod.agent.later(120)
    assert pod.status.phase is Phase.STOPPING


def test_a_lease_and_its_end(world):
    """It holds the pod, is in the status, and its end stops an idle pod."""
    pod = Watched(world)
    mono, now = world.clock.monotonic(), world.clock.now()
    lease = (Lease(now + 3600, mono + 3600, 3600.0, now, "evaluation"),)
    pod.look(leases=lease)
    pod.live(3590, leases=lease)
    assert pod.status.phase is Phase.WAITING
    assert pod.status.idle.keeps[0].because == "evaluation"
    assert pod.status.idle.because == "Somebody asked to keep it."
    pod.live(10, leases=lease)
    assert pod.status.phase is Phase.STOPPING
    assert "kept is over" in pod.status.stops_because


def test_a_running_job_is_left_alone(world):
    """All signals idle for five hours: nothing is stopped, and the status says that idleness does not."""
    world.acts = [Act(lasts=True)]
    pod = Watched(world, JOB)
    pod.live(5 * 3600)
    assert pod.status.phase is Phase.RUNNING
    assert (pod.status.stops_at, pod.status.idle.stops_at) == (None, None)
    assert "does not stop it" in pod.status.idle.because


def test_a_clock_that_is_set_changes_nothing(world):
    """Neither forwards nor backwards."""
    pod = Watched(world)
    pod.live(600)
    world.clock.jump(-86_400)
    assert pod.status.stops_at == pytest.approx(world.clock.now() + 300)
    world.clock.jump(3 * 86_400)
    pod.live(290)
    assert pod.status.phase is Phase.WAITING
    pod.live(10)
    assert pod.status.phase is Phase.STOPPING
