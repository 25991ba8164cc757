"""The real job on a container of the real image: packages from the index, digits learnt, killed half-way, resumed."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.image.fixtures import ROOT
from tests.live import wait_for
from tests.story.container_laptop import ContainerLaptop
from tests.story.laptop import CLIENT
from tests.story.seen import JOB, Seen, note

pytestmark = [pytest.mark.docker, pytest.mark.slow]
PATIENCE_S = 400.0  # the packages are 70 MB


@pytest.fixture
def laptop(container_laptop) -> ContainerLaptop:
    """Its repository is the example, as a user would copy it."""
    shutil.copytree(ROOT / "examples" / "digits", container_laptop.repo, dirs_exist_ok=True)
    for words in (["add", "."], ["commit", "-q", "-m", "Digits"]):
        subprocess.run(["git", *words], cwd=container_laptop.repo, env=container_laptop.env, check=True)
    return container_laptop


def test_digits_are_learnt_through_a_kill_a_stop_and_a_crash(laptop):
    """Four attempts, each after the first from a whole checkpoint; every line there, and the digits read."""
    argv = [CLIENT, "up", "--local", "--job", JOB, "--repo", laptop.source]
    argv += ["--command", "python train.py --pace 0.03", "--resume", "--resume {checkpoint}"]
    story = laptop.start(*argv)
    pod = Seen.only(story)
    pod.begins(1, PATIENCE_S)
    pod.checkpoint_after(0, PATIENCE_S)
    laptop.simulator.kill(pod.id, pod.record()["attempts"][-1]["pid"])
    pod.begins(2)
    pod.checkpoint_after(100, PATIENCE_S)
    assert laptop.client("stop", pod.id).returncode == 0
    pod.stopped()
    story.ends()
    assert laptop.client("start", pod.id).returncode == 0
    pod.begins(3, PATIENCE_S)
    pod.checkpoint_after(250, PATIENCE_S)
    pod.crash("wiped")
    pod.begins(4, PATIENCE_S)
    pod.stopped(PATIENCE_S)
    log = pod.log().decode()
    note(log[-2000:])
    assert pod.record()["ending"]["outcome"] == "succeeded"
    assert pod.begun() == [1, 2, 3, 4]
    assert {int(step) for step in re.findall(r"^step (\d+)/600 ", log, re.MULTILINE)} == set(
        range(25, 601, 25)
    )
    resumed = [attempt["resumed_step"] for attempt in pod.record()["attempts"][1:]]
    assert resumed == sorted(resumed)
    assert resumed[0] >= 50
    told = [int(step) for step in re.findall(r"^resumed at step (\d+)$", log, re.MULTILINE)]
    assert set(told) <= set(resumed), "the crash may have come before it could speak"
    (accuracy,) = re.findall(r"^held-out accuracy: ([\d.]+)$", log, re.MULTILINE)
    assert float(accuracy) >= 0.95
    wait_for("the one pod is off by itself", laptop.simulator.only_pod_is_off)
