"""`up --rehearse` on a pod: killed on purpose at the first checkpoint, resumed, proved, and gone on; or ended early."""

from __future__ import annotations

import pytest

from tests.story.conftest import CLIENT, JOB
from tests.story.seen import Seen

pytestmark = pytest.mark.slow
AGAIN = "python3 trainer.py --steps 400 --pause 0.05; true {resume}"


def test_a_training_that_goes_on_is_proved_and_ends_well(laptop):
    """One kill that counts for nothing; log, status, journal and receipt say what was proved."""
    story = laptop.up("--rehearse", "--max-restarts", "0", steps=120)
    pod = Seen.only(story)
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
    assert "\nstep 300\n" not in story.log
    assert "rehearsal   began again" in story.told.read_text()
    pod.stopped()


def test_an_agent_killed_in_the_middle_of_a_rehearsal(laptop):
    """Whoever is killed in between, the run is rehearsed once and goes on to its end."""
    story = laptop.up("--rehearse", steps=200)
    pod = Seen.only(story)
    pod.checkpoint_after(0)
    killed = pod.kill_agent()
    pod.new_agent(killed)
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
