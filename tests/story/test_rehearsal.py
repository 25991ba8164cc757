"""`up --rehearse` on a pod: killed on purpose at the first checkpoint, resumed, proved, and gone on; or ended early."""

from __future__ import annotations

import pytest

from tests.live import wait_for
from tests.story.conftest import CLIENT, JOB
from tests.story.seen import Seen

pytestmark = pytest.mark.slow
ENOUGH, LATER = (
    50,
    90,
)  # until the rehearsal is over a first attempt is held at the one, a resumed one at either
HELD = f"--wait-at {ENOUGH} {LATER} --until /workspace/on"
AGAIN = f"python3 trainer.py --steps 400 --pause 0.05 {HELD}; true {{resume}}"


def rehearse(laptop, *more):
    """A training of a hundred steps."""
    command = f"exec python3 trainer.py --steps 100 --pause 0.05 {HELD}"
    source = laptop.source or str(laptop.repo)
    argv = [CLIENT, "up", "--local", "--job", JOB, "--repo", source, "--command", command]
    return laptop.start(*argv, "--resume", "--resume {checkpoint}", "--rehearse", *more, steps=100)


def goes_on(pod):
    """It was resumed, and has proved it."""
    wait_for("it went on", lambda: (pod.record()["rehearsal"] or {}).get("state") == "continued")
    (pod.disks / "mount" / "on").touch()


def test_a_training_that_goes_on_is_proved_and_ends_well(laptop):
    """One kill that counts for nothing; log, status, journal and receipt say what was proved."""
    story = rehearse(laptop, "--max-restarts", "0")
    pod = Seen.only(story)
    goes_on(pod)
    story.assert_good_end(attempts=2)
    record = pod.record()
    assert record["rehearsal"]["state"] == "continued", record["rehearsal"]
    assert record["attempts"][0]["signal"] == "KILL"
    assert record["attempts"][0]["reason"] == "killed on purpose: a rehearsal of resuming"
    told = [entry for entry in pod.journal() if entry["kind"] == "rehearsal"]
    assert list(dict.fromkeys(entry["state"] for entry in told)) == ["killing", "resuming", "continued"]
    assert "podkeep: rehearsal: killed on purpose" in story.log
    assert "podkeep: rehearsal: it went on from step " in story.log
    assert "rehearsal   continued: it went on from step " in story.told.read_text()
    assert story.status()["job"]["rehearsal"]["state"] == "continued"


def test_a_training_that_begins_again_is_ended_early(laptop):
    """A command that takes no notice of its checkpoint fails within two of them, not after the whole run."""
    argv = [CLIENT, "up", "--local", "--job", JOB, "--repo", str(laptop.repo), "--command", AGAIN]
    story = laptop.start(*argv, "--resume", "--resume {checkpoint}", "--rehearse")
    pod = Seen.only(story)
    assert story.ends() == 1, story.evidence()
    ending = pod.record()["ending"]
    assert ending["outcome"] == "failed"
    assert ending["reason"].startswith("began again at step 0 after a rehearsed kill"), ending
    assert "POD_RESUME" in ending["remedy"]
    assert f"\nstep {ENOUGH + 1}\n" not in story.log
    assert "rehearsal   began again" in story.told.read_text()
    pod.stopped()


def test_an_agent_killed_in_the_middle_of_a_rehearsal(laptop):
    """Whoever is killed in between, the run is rehearsed once and goes on to its end."""
    story = rehearse(laptop)
    pod = Seen.only(story)
    pod.checkpoint_after(0)
    killed = pod.kill_agent()
    pod.new_agent(killed)
    goes_on(pod)
    story.assert_good_end(attempts=2)
    record = pod.record()
    assert record["rehearsal"]["state"] == "continued", record["rehearsal"]
    assert record["rehearsal"]["kills"] == 1


def test_a_rehearsal_needs_a_way_to_resume(laptop):
    """Refused before anything is created, with what to set."""
    done = laptop.client("up", "--command", "true", "--rehearse")
    assert done.returncode == 2, done.stderr
    assert "--rehearse" in done.stderr
    assert "POD_RESUME" in done.stderr
