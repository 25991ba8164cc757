"""What became of a job, told afterwards: over two boots of a pod, by the pod, by the laptop, and on the workspace."""

from __future__ import annotations

import json
import signal

import pytest

from tests.live import wait_for
from tests.story.laptop import CLIENT, JOB
from tests.story.seen import Seen

pytestmark = pytest.mark.slow
AMID, LATER = 17, 42


def test_a_job_over_two_boots_has_one_receipt(laptop):
    """Stopped amid the run, started again, killed once more: one story, the same everywhere, and the pod is off."""
    story = laptop.up(waits=[AMID, LATER])
    pod, _ = story.waits(AMID)
    job = Seen(laptop.simulator, pod).disks / "mount" / ".podkeep" / "jobs" / "story"
    step = f"1 from the start to step {AMID}: still running"  # steps are read every two seconds
    wait_for("the receipt knows the step", lambda: step in laptop.client("receipt", pod).stdout)
    assert "none yet: the job is running" in laptop.client("receipt", pod).stdout
    assert laptop.client("stop", pod).returncode == 0
    story.ends()
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod))
    first = json.loads((job / "receipt.json").read_bytes())
    assert (first["format"], first["outcome"], len(first["boots"])) == (1, "interrupted", 1)
    assert "not by podkeep" in (job / "receipt.md").read_text()
    assert "interrupted" in laptop.client("receipt", pod).stdout
    assert laptop.client("start", pod).returncode == 0
    followed = laptop.follow(story)
    pod, pid = followed.waits(LATER)
    laptop.simulator.kill(pod, pid, signal.SIGKILL)
    assert followed.ends() == 0, followed.evidence()
    wait_for("the pod is off by itself", lambda: laptop.simulator.is_off(pod))
    told = json.loads((job / "receipt.json").read_bytes())
    assert [boot["ending"].partition(":")[0] for boot in told["boots"]] == ["interrupted", "succeeded"]
    assert [boot["pod"] for boot in told["boots"]] == [pod, pod]
    assert [one["number"] for one in told["attempts"]] == [1, 2, 3]
    assert told["attempts"][1]["signal"] == "KILL"
    assert told["steps"][-1]["last"] == 60
    assert sum(one["redone"] for one in told["steps"]) > 0
    assert told["stop"]["because"] == "the job has succeeded"
    assert told["stop"]["after_s"] is not None
    assert told["dollars"] > 0
    assert abs(sum(one["seconds"] for one in told["phases"]) - told["paid_s"]) < 1.0
    page = (job / "receipt.md").read_text()
    seen = followed.told.read_text()
    kept = laptop.client("receipt", pod)
    for words in (
        "succeeded: exit code 0",
        "2 from step 15",
        "killed by signal KILL from outside",
        "1 x NVIDIA",
    ):
        assert words in seen, seen
        assert words in kept.stdout, kept.stdout + kept.stderr
        assert words in page, page
    assert laptop.client("rm", pod).returncode == 0
    gone = laptop.client("receipt", pod)
    assert "nothing of it is billed any more" in gone.stdout, gone.stdout + gone.stderr
    assert "killed by signal KILL" in gone.stdout


def test_the_receipt_of_a_job_that_cannot_begin(laptop):
    """A command that is not there: the class, its remedy and the code once, and no progress is made up."""
    source = laptop.source or str(laptop.repo)
    argv = ["up", "--local", "--job", JOB, "--repo", source, "--command", "no_such_command --at all"]
    story = laptop.start(CLIENT, *argv)
    assert story.ends() == 1
    receipt = story.told.read_text().partition("  outcome ")[2]
    assert "command not found" in receipt.splitlines()[0]
    for line in receipt.splitlines():
        assert line.count("127") <= 1, receipt
    assert "goodput" not in receipt
    assert "progress" not in receipt
