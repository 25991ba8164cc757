"""The rule table of orders on real pods: outcome by what happens next. What waits is not run, what goes on is."""

from __future__ import annotations

import pytest

from tests.live import wait_for
from tests.story.laptop import Laptop
from tests.story.seen import JOB, Seen, order

pytestmark = pytest.mark.slow
KEPT = ("--on-finish", "keep", "--on-failure", "keep", "--max-restarts", "0")
COMMANDS = {"succeeded": "echo well", "failed": "echo badly; exit 3", "cancelled": "echo on; sleep 1000"}
CODES = {"succeeded": 0, "failed": 1, "cancelled": 1}


@pytest.fixture
def laptop(either_laptop) -> Laptop:
    """Every order here is given to both kinds of pods."""
    return either_laptop


def come_to(laptop, outcome):
    """A pod whose job has this outcome, and which is kept."""
    story = order(laptop, COMMANDS[outcome], *KEPT)
    pod = Seen.only(story)
    if outcome == "cancelled":
        pod.begins(1)
        # HTTP comes up after the training has begun
        wait_for("the cancel is taken", lambda: laptop.client("cancel", JOB).returncode == 0)
    assert story.ends() == CODES[outcome], story.evidence()
    assert pod.record()["ending"]["outcome"] == outcome
    assert pod.begun() == [1]
    return pod


def restarts(laptop, pod):
    pod.crash()


def crashes_wiped(laptop, pod):
    pod.crash("wiped", "moved")


def new_boot(laptop, pod):
    assert laptop.client("stop", pod.id).returncode == 0
    pod.stopped()
    assert laptop.client("start", pod.id).returncode == 0


@pytest.mark.parametrize("outcome", COMMANDS)
def test_what_has_ended_waits_for_a_new_order(laptop, outcome):
    """Neither a container restart nor a new boot runs it again; `up` does, on a living pod and on a stopped one."""
    pod = come_to(laptop, outcome)
    for happens in (restarts, crashes_wiped, new_boot):
        known = len(pod.journal())
        happens(laptop, pod)
        pod.finished_again(known)
        assert pod.begun() == [1], happens
        assert pod.record()["ending"]["outcome"] == outcome
    said = wait_for("the status", lambda: laptop.client("status", JOB).stdout)
    assert "to run it again" in said, said
    again = order(laptop, "echo again", *KEPT)
    assert again.ends() == 0, again.evidence()
    assert pod.begun() == [1, 2]
    assert laptop.client("stop", pod.id).returncode == 0
    pod.stopped()
    once_more = order(laptop, "echo once more", *KEPT)
    assert once_more.ends() == 0, once_more.evidence()
    assert pod.begun() == [1, 2, 3]
    orders = {entry["order"] for entry in pod.journal() if entry["kind"] == "order"}
    assert len(orders) == 3


def test_what_was_interrupted_goes_on(laptop):
    """A restarted container and a new boot go on with it under the same order; `up` gives it a new one."""
    story = order(laptop, "echo on; sleep 1000", *KEPT[:4], "--max-restarts", "3")
    pod = Seen.only(story)
    pod.begins(1)
    first = pod.record()["order"]
    new_boot(laptop, pod)
    pod.begins(2)
    pod.act("restart")
    pod.begins(3)
    pod.crash()
    pod.begins(4)
    assert pod.record()["order"] == first
    assert laptop.client("stop", pod.id).returncode == 0
    pod.stopped()
    assert pod.record()["ending"]["outcome"] == "interrupted"
    story.ends()
    again = order(laptop, "echo again", *KEPT)
    assert again.ends() == 0, again.evidence()
    assert pod.begun() == [1, 2, 3, 4, 5]
    assert pod.record()["order"] != first
