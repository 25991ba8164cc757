"""Whole lives of a pod, as processes and as containers: all is real but RunPod, and everything is killed once."""

from __future__ import annotations

import pytest

from tests.live import Simulator, wait_for
from tests.story.laptop import Laptop

pytestmark = pytest.mark.slow
JOB = "story"
AMID = 17  # the step at which a training waits, two after a checkpoint
LATER = 42  # where its next attempt waits for whoever wants to follow it


@pytest.fixture
def laptop(either_laptop) -> Laptop:
    """Every life here is lived on both kinds of pods."""
    return either_laptop


def test_up_trains_and_the_pod_stops_itself(laptop):
    """`up` follows a training from its first line to its last, and the pod has switched itself off."""
    story = laptop.up(steps=20)
    story.assert_good_end()


def test_a_killed_training_resumes(laptop):
    """A training killed from outside goes on from the newest whole checkpoint, and no line is lost."""
    story = laptop.up(waits=[AMID])
    pod, pid = story.waits(AMID)
    laptop.simulator.kill(pod, pid)
    story.assert_good_end(attempts=2)
    assert story.starts()[1] >= 10


def test_a_killed_agent_loses_nothing(laptop):
    """When the agent is killed the training does not notice: the same attempt goes on to its end."""
    story = laptop.up(waits=[AMID])
    pod, pid = story.waits(AMID)
    laptop.simulator.kill(pod, story.process(pod, "-m pod_agent"))
    wait_for("the new agent to answer", lambda: story.status().get("job"))
    assert story.status()["job"]["attempts"][-1]["pid"] == pid
    story.goes_on(pod, pid)
    story.assert_good_end(attempts=1)


def test_a_killed_keeper_costs_at_most_the_exit(laptop):
    """When the keeper is killed its training goes on; the exit is unknown, so the job resumes and then succeeds."""
    story = laptop.up(waits=[AMID])
    pod, pid = story.waits(AMID)
    laptop.simulator.kill(pod, story.process(pod, "keeper"))
    story.goes_on(pod, pid)
    story.assert_good_end(attempts=2)
    assert story.starts()[1] == story.steps


def test_a_stopped_pod_resumes_when_started(laptop):
    """Stop during training is an interruption: started again, the pod resumes the run, finishes and stops itself."""
    story = laptop.up(waits=[AMID, LATER])
    pod, _ = story.waits(AMID)
    assert laptop.client("stop", pod).returncode == 0
    story.ends()
    first = story.log
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod))
    assert laptop.client("start", pod).returncode == 0
    followed = laptop.follow(story)
    followed.goes_on(*followed.waits(LATER))
    followed.assert_good_end(attempts=2)
    assert followed.log.startswith(first), "the log of the second boot goes on where the first one's ended"
    job = followed.status()["job"]
    assert job["outcome"] == "succeeded"
    assert [attempt["number"] for attempt in job["attempts"]] == [1, 2]
    assert job["attempts"][1]["resumed_step"] >= 10


@pytest.mark.parametrize("layer", ["kept", "wiped"])
def test_a_crashed_container_resumes(laptop, layer):
    """A container that crashes and is restarted resumes, with its own disk kept or wiped."""
    story = laptop.up(waits=[AMID])
    pod, _ = story.waits(AMID)
    status, said = laptop.simulator.call(
        "POST", f"/sim/pods/{pod}/crash", {"layer": layer, "started_at": "kept"}
    )
    assert status < 300, said
    story.assert_good_end(attempts=2)
    assert story.starts()[1] >= 10


def test_the_pod_outlives_the_simulator(laptop):
    """A simulator that is killed and started again mid-run finds its pod, and the pod stops itself through it."""
    story = laptop.up(waits=[AMID])
    pod, pid = story.waits(AMID)
    before = laptop.simulator
    assert laptop.simulator.call("POST", "/sim/shutdown")[0] < 300
    wait_for("the simulator has gone", lambda: Simulator.at(before.state) is None)
    laptop.start_simulator()
    assert laptop.simulator.pod(pod)["status"] == "RUNNING"
    story.goes_on(pod, pid)
    story.assert_good_end(attempts=1)
    assert [attempt["exit_code"] for attempt in story.status()["job"]["attempts"]] == [0]
