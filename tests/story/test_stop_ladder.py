"""Pods whose stop is refused, on the simulator: a second key, a lock, a cluster; and what `auto` makes of an end."""

from __future__ import annotations

import json

import pytest

from tests.live import wait_for
from tests.story.conftest import CLIENT, JOB, Laptop, Story
from tests.story.seen import Seen

pytestmark = pytest.mark.slow
WAITS = "until [ -e /workspace/on ]; do sleep 0.1; done; echo well"


def up(laptop: Laptop, *more: str):
    argv = (CLIENT, "up", "--local", "--job", JOB, "--repo", str(laptop.repo))
    return laptop.start(*argv, *more, steps=40)


def pod_of(laptop: Laptop, *more: str) -> tuple[Seen, object]:
    """A pod whose job waits for a file."""
    story = up(laptop, "--command", WAITS, *more)
    pod = Seen.only(story)
    wait_for("it runs", pod.begun)
    return pod, story


def fault(pod: Seen, **wish) -> None:
    status, said = pod.simulator.call("POST", f"/sim/pods/{pod.id}/faults", wish)
    assert status == 200, said


def status_of(laptop: Laptop) -> dict:
    done = laptop.client("status", JOB, "--json")
    return (json.loads(done.stdout).get("status") or {}) if done.returncode == 0 else {}


def test_a_second_key_stops_a_pod_whose_own_is_refused(laptop):
    """Every route refuses the pod's key for ever; the second key's first route ends it. Nobody is shown a key."""
    laptop.start_simulator()
    key = laptop.simulator.key
    pod, story = pod_of(laptop, "-e", f"POD_STOP_KEY={key}")
    fault(pod, refuse_stop=True, graphql="refuse")
    (pod.disks / "mount" / "on").touch()
    assert story.ends() == 0, story.evidence()
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod.id))
    told = (
        pod.log().decode() + pod.console() + story.told.read_text() + (pod.job / "journal.jsonl").read_text()
    )
    assert key not in told


def test_a_locked_pod_says_so_and_stops_when_it_is_unlocked(laptop):
    """The ladder names the lock and the remedy, goes on, and takes the first chance."""
    pod, story = pod_of(laptop)
    laptop.simulator.call("PATCH", f"/v2/pods/{pod.id}", {"locked": True})
    (pod.disks / "mount" / "on").touch()
    assert story.ends() == 0, story.evidence()
    told = wait_for("the refusal", lambda: status_of(laptop).get("stop_error"))
    assert "the pod is locked, so RunPod refuses to stop it: unlock it in RunPod's console" in told
    assert pod.status() == "RUNNING"
    laptop.simulator.call("PATCH", f"/v2/pods/{pod.id}", {"locked": False})
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod.id))


def test_a_member_of_a_cluster_says_who_can_end_it(laptop):
    """RunPod stops no member alone: that is said, again and again, until the cluster is no more."""
    pod, story = pod_of(laptop)
    fault(pod, cluster="cluster_7")
    (pod.disks / "mount" / "on").touch()
    assert story.ends() == 0, story.evidence()
    told = wait_for("the refusal", lambda: status_of(laptop).get("stop_error"))
    assert "belongs to cluster cluster_7" in told
    assert "end the whole cluster" in told
    fault(pod, cluster="")
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod.id))


TRAINS = "exec python3 trainer.py --steps 40 --pause 0.05 --wait-at 37"


def trained(laptop: Laptop, story: Story) -> None:
    """It has waited until its steps, the pod's price and its disk were known, and has ended well."""
    waits = story.waits(37)
    wait_for("a step that is known", lambda: (status_of(laptop).get("progress") or {}).get("first_step_at"))
    story.goes_on(*waits)
    assert story.ends() == 0, story.evidence()


def test_auto_terminates_what_may_be_lost_and_costs_less_to_bring_again(laptop):
    """The figures are in the log, and the pod is gone with its disk, as nothing has to be kept."""
    story = up(laptop, "--command", TRAINS, "--on-finish", "auto", "-e", "POD_EPHEMERAL=1")
    pod = Seen.only(story)
    trained(laptop, story)
    assert "podkeep: auto: terminate, as its 20 GB disk costs $0.92 a week while it is stopped" in story.log
    assert "POD_EPHEMERAL=1 allows the loss of its checkpoints" in story.log
    assert "  left        auto: terminate" in story.told.read_text()
    wait_for("the pod is gone", lambda: laptop.simulator.pod(pod.id) is None)


def test_auto_keeps_a_disk_with_a_persons_file(laptop):
    """The job gave up what it makes, and no more than that: stopped, with the file's name in the reason."""
    story = up(laptop, "--command", TRAINS, "--on-finish", "auto", "-e", "POD_EPHEMERAL=1")
    pod = Seen.only(story)
    notes = pod.disks / "mount" / "notes.txt"
    notes.write_text("mine")
    trained(laptop, story)
    words = "podkeep: auto: stop, as only this pod is known to have 1 file that no job made ('notes.txt')"
    assert words in story.log, story.log[-2000:]
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod.id))
    assert notes.read_text() == "mine"


def test_auto_keeps_what_exists_only_there(laptop):
    """The same job without leave to lose: stopped, with the reason and the figures; `rm` says what goes with it."""
    story = up(laptop, "--command", TRAINS, "--on-finish", "auto")
    pod = Seen.only(story)
    trained(laptop, story)
    assert "podkeep: auto: stop, as only this pod is known to have its checkpoints (step 40)" in story.log
    assert "at $0.69/h" in story.log
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod.id))
    gone = laptop.client("rm", JOB)
    assert gone.returncode == 0, gone.stderr
    assert "goes with it: its checkpoints (step 40), its outputs and its log" in gone.stderr
    assert laptop.simulator.pods() == {}
