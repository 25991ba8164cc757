"""What ends a pod's bill though nobody asks: deadlines, idleness, things that never come, another owner."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace

import pytest

from pod_agent.pod.scribe import Hung, Scribe
from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import Outcome, Phase
from tests.fakes.world import Act, Lifetime, World, new_boot

JOB = JobSpec("digits", "python train.py", resume="", max_restarts=3)
KEEP = replace(JOB, on_finish=ExitPolicy.KEEP, on_failure=ExitPolicy.KEEP)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_the_deadline_stops_the_pod_whatever_the_policy(world):
    """When POD_MAX_HOURS are over the job is timed out and the pod stops, also with policy keep."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, replace(KEEP, max_hours=2.0)).begin()
    agent.later(2 * 3600 - 1)
    assert agent.status.phase is Phase.RUNNING
    agent.later(2)
    assert agent.status.job.outcome is Outcome.TIMED_OUT
    assert agent.status.phase is Phase.STOPPING


def test_a_container_restart_extends_no_deadline(world):
    """The moment is kept over agents and container restarts; a new boot gets its own."""
    world.acts = [Act(lasts=True)]
    job = replace(JOB, max_hours=2.0)
    first = Lifetime(world, job).begin().status.deadline_at
    world.clock.advance(3600)
    assert Lifetime(world, job).begin().status.deadline_at == first
    world.clock.advance(3 * 3600)
    assert new_boot(world, job).status.deadline_at > first


def test_a_finished_job_of_an_earlier_boot_stops_nothing(world):
    """Neither its deadline nor its exit policy ends a later boot, also after a container restart: idleness does."""
    job = replace(JOB, max_hours=2.0)
    Lifetime(world, job, order="o1").begin()
    world.clock.advance(5 * 3600)
    agent = new_boot(world, job, order="o1")
    again = Lifetime(world, job, order="o1", hostname="h2").begin()
    for one in (agent, again):
        one.later(1)
        assert one.status.phase is Phase.FINISHED
        assert one.status.deadline_at is None
    again.later(15 * 60)
    assert again.status.phase is Phase.STOPPING


def test_a_wiped_disk_extends_no_deadline(world):
    """A crash that loses the container's disk is the same boot at the same address: the moment stands."""
    world.acts = [Act(lasts=True)]
    job = replace(JOB, max_hours=2.0)
    first = Lifetime(world, job).begin().status
    world.clock.advance(3600)
    shutil.rmtree(world.root / "disk")
    again = Lifetime(world, job).begin().status
    assert again.deadline_at == first.deadline_at


def test_a_hung_workspace_fails_the_job_and_stops_the_pod(world):
    """A mount that does not answer costs five seconds; outcome and record are on the container's disk."""
    quill, gate = Scribe(limit_s=0.05), threading.Event()
    with pytest.raises(Hung):
        quill.do("hang", gate.wait)
    agent = Lifetime(world, JOB, quill=quill).begin()
    gate.set()
    assert agent.status.job.outcome is Outcome.FAILED
    assert "does not answer" in agent.status.job.reason
    assert (world.root / "disk" / "jobs" / "digits" / "state.json").exists()
    assert agent.status.phase is Phase.STOPPING


def test_waiting_too_long_stops_the_pod(world):
    """A pod without a job stops itself after the idle minutes, and says beforehand when."""
    agent = Lifetime(world).begin()
    assert agent.status.stops_because == "idle"
    agent.later(15 * 60 - 1)
    assert agent.status.phase is Phase.WAITING
    agent.later(2)
    assert agent.status.phase is Phase.STOPPING
    assert world.stops == [False]


def test_refused_stops_are_told(world):
    """Every round of the ladder is in the status and in the journal."""
    agent = Lifetime(world, JOB).begin()
    for rounds in (1, 2):
        agent.say(e.StopRefused(rounds, "v2 stop: 403"))
    assert (agent.status.stop_attempts, agent.status.stop_error) == (2, "v2 stop: 403")
    assert [entry["kind"] for entry in agent.journal_kinds("digits")][-2:] == ["stop_refused"] * 2


def test_another_owner_ends_the_training(world):
    """A pod that has lost its folder to another one ends its training."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, JOB).begin().say(e.OwnerLost("pod-b"))
    assert agent.status.job.outcome is Outcome.FAILED
    assert "pod-b" in agent.status.job.reason


def test_a_folder_that_never_opens_bills_for_fifteen_minutes_more(world):
    """An opening that hangs on a dead mount is given up, said, and left to the idle watchdog."""
    agent = Lifetime(world, JOB)
    agent.say(e.Overdue(0))
    assert agent.status.phase is Phase.WAITING
    assert "does the workspace answer" in agent.status.warnings[0]
    agent.later(15 * 60 + 1)
    assert agent.status.phase is Phase.STOPPING


def test_an_attempt_that_never_starts_fails(world):
    """A start that hangs ends the job failed after five minutes; one that came in time is not disturbed."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, JOB).begin()
    agent.later(301)
    assert agent.status.phase is Phase.RUNNING
    world.fail = {c.StartAttempt: e.Warned("nothing happens")}
    stuck = Lifetime(World(world.root / "other", fail=world.fail), JOB).begin()
    stuck.later(301)
    assert stuck.supervisor.state.job.ending.reason == "the attempt did not start in time"
