"""An agent that comes back to a pod somebody asked to keep: what was asked is known before what was seen can stop it.

The loop is one that turns at once whenever something is published, as its thread may.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod.idle import kept
from pod_agent.pod.idle.leases import Leases
from pod_agent.pod.idle.memory import Memory, fresh
from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run.idling import LATEST_S, Idling
from pod_agent.run.left import Parting
from pod_agent.run.situation import State
from pod_agent.settings import Settings
from pod_wire.idle import KeepAsk
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import Held, Phase
from tests.fakes.world import Act, Lifetime, World, ended

HOUR_S = 3600.0
KEEP = JobSpec("digits", "python train.py", on_finish=ExitPolicy.KEEP)
HELD = JobSpec("digits", "python train.py", hold_minutes=30.0)


class Eager:
    """The supervisor with a loop that loses no time."""

    def __init__(self, supervisor):
        self._supervisor = supervisor

    def __getattr__(self, name):
        return getattr(self._supervisor, name)

    def update(self, change):
        self._supervisor.update(change)
        self._supervisor.turn(None)


class Still:
    """A watch that looks at nothing."""

    def __init__(self, memory):
        self.memory = memory
        self.woken = 0

    def remember(self, memory):
        self.memory = memory

    def run(self):
        return

    def wake(self):
        self.woken += 1


class HandIdling(Idling):
    def _made(self, memory: Memory) -> Still:
        return Still(memory)


class Pod:
    """One pod of one boot, and the agents in it."""

    def __init__(self, world, job):
        self.world, self.job = world, job
        self.boot = Lifetime(world, job).begin().status.boot

    def asked(self, seconds):
        leases = Leases(self.world.root / "disk", self.world.clock, lambda _: None)
        leases.booted(self.boot)
        leases.ask(KeepAsk(seconds, "evaluation"))

    def looked(self):
        """Until now, and saw nobody."""
        now = self.world.clock.monotonic()
        began = fresh(now - HOUR_S)
        kept.write(self.world.root / "run", self.boot, replace(began, sampled_at=now, tracks={}))

    def again(self):
        """The next agent; its idle brake begins when the test says so."""
        agent = Lifetime(self.world, self.job)
        root = self.world.root
        settings = Settings(pod_id="pod-a", disk_dir=root / "disk", run_dir=root / "run")
        idling = HandIdling(settings, self.world.clock, Eager(agent.supervisor), agent.folders)
        return agent, idling


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.mark.parametrize("is_late", [False, True])
def test_a_lease_is_known_before_what_was_seen(world, is_late):
    """The idle minutes passed long ago, somebody keeps the pod for two hours, the agent is killed: nothing stops it."""
    pod = Pod(world, KEEP)
    pod.asked(2 * HOUR_S)
    world.clock.advance(HOUR_S)
    pod.looked()
    agent, idling = pod.again()
    if is_late:
        idling.start()
    idling.booted(pod.boot)
    agent.begin()
    if not is_late:
        idling.start()
    agent.pump()
    assert agent.status.phase is Phase.FINISHED
    assert agent.status.stops_at == pytest.approx(world.clock.now() + HOUR_S)


def test_without_a_lease_what_was_seen_stops_it(world):
    """The same pod, and nobody asked to keep it."""
    pod = Pod(world, KEEP)
    world.clock.advance(HOUR_S)
    pod.looked()
    agent, idling = pod.again()
    idling.booted(pod.boot)
    agent.begin()
    idling.start()
    agent.pump()
    assert agent.status.phase is Phase.STOPPING


def held_pod(world):
    """Held for half an hour, which is over since another half."""
    now, mono = world.clock.now(), world.clock.monotonic()
    held = Held(now + 1800.0, 30.0, "somebody follows it", None, mono + 1800.0)
    world.acts = [Act(ended(1))]
    world.fail[c.Drain] = e.Drained(Parting(held, None, 60.0))
    return Pod(world, HELD)


def test_a_lease_holds_a_held_pod_over_agents_too(world):
    """Until the leases are read, a hold is not over."""
    pod = held_pod(world)
    pod.asked(2 * HOUR_S)
    world.clock.advance(HOUR_S)
    agent, idling = pod.again()
    idling.booted(pod.boot)
    agent.begin()
    assert agent.status.phase is Phase.FINISHED
    assert agent.supervisor.due_s() == pytest.approx(LATEST_S)
    idling.start()
    agent.pump()
    assert agent.status.phase is Phase.FINISHED
    agent.later(HOUR_S - 1)
    assert agent.status.phase is Phase.FINISHED
    agent.later(2)
    assert agent.status.phase is Phase.STOPPING


def test_leases_that_are_never_read_hold_nothing_for_ever(world):
    """Where the brake cannot be begun, the hold is over two minutes later."""
    pod = held_pod(world)
    world.clock.advance(HOUR_S)
    agent, idling = pod.again()
    idling.booted(pod.boot)
    agent.begin()
    agent.later(LATEST_S - 1)
    assert agent.status.phase is Phase.FINISHED
    agent.later(2)
    assert agent.status.phase is Phase.STOPPING


def test_a_job_s_checkpoints_wake_nobody(world):
    """A phase that begins or ends is looked at at once, and all that happens to a pod that rests; no more."""
    _, idling = Pod(world, KEEP).again()
    idling.start()
    running, finished = State(Phase.RUNNING), State(Phase.FINISHED)
    counts = []
    for state in (
        running,
        replace(running, prepared=True),
        running,
        finished,
        replace(finished, prepared=True),
    ):
        idling.changed(state)
        counts.append(idling._watch.woken)
    assert counts == [1, 1, 1, 2, 3]
