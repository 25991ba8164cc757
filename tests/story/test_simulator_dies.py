"""RunPod itself away: the simulator is killed amid a run, amid a crash, and when the pod wants to be stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.live import wait_for
from tests.story.laptop import Laptop
from tests.story.seen import Seen, dice, nap

pytestmark = pytest.mark.slow


@pytest.fixture
def laptop(either_laptop) -> Laptop:
    """Both kinds of pods live on without it."""
    return either_laptop


def die(laptop):
    """SIGKILL for the simulator; its pods live on."""
    simulator = laptop.simulator
    os.kill(simulator.pid, signal.SIGKILL)
    wait_for("the simulator has gone", lambda: is_gone(simulator.pid))


def is_gone(pid):
    """Also when its parent, the following client, has not buried it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_nothing_begins_twice_when_runpod_dies(laptop):
    """Killed thrice amid the run, once with a crashing container, and once as the pod would stop: two attempts."""
    rng = dice("the simulator's deaths")
    story = laptop.up(waits=[17, 38])
    pod = Seen.only(story)
    story.waits(17)
    pid = pod.record()["attempts"][0]["pid"]
    for _ in range(3):
        die(laptop)
        nap(rng, 0, 0.7)
        laptop.start_simulator()
        assert pod.status() == "RUNNING", story.evidence()
    assert pod.begun() == [1]
    assert pod.record()["attempts"][0]["pid"] == pid
    first = pod.host_pid(1)
    die(laptop)
    os.kill(first, signal.SIGKILL)
    laptop.start_simulator()
    pod.begins(2)
    _, pid = story.waits(38)
    training = pod.host_pid(pid)
    assert training
    pod.faults(refuse_stop=True, graphql="refuse")  # a follower who was cut off is still to get the rest
    die(laptop)
    os.kill(training, signal.SIGUSR1)
    wait_for("a refused stop", lambda: pod.journal()[-1]["kind"] == "stop_refused")
    laptop.start_simulator()
    wait_for("the follower has it all", lambda: story.said.read_bytes() == pod.log())
    pod.faults(refuse_stop=False, graphql="ok")
    story.assert_good_end(attempts=2)
    assert pod.begun() == [1, 2]
    assert [attempt["exit_code"] for attempt in pod.record()["attempts"]] == [None, 0]
