"""Which run an order works on: the known one, or a new one where it asks for a fresh start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod.boot import Boot
from pod_agent.pod.brakes import Deadline
from pod_agent.pod.scribe import Scribe
from pod_agent.run import hold, lineage
from pod_agent.run.folders import Folders
from pod_agent.run.state import Job
from pod_agent.run.steps import RealSteps
from pod_agent.settings import Settings
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from pod_wire.orders import Verdict
from pod_wire.status import Attempt, CheckpointPlace, Progress, Rehearsal, Rehearsed

PLAIN = JobSpec("digits", "python train.py", resume="")
FRESH = replace(PLAIN, fresh=True)
PAST = Job(PLAIN, "o1", run="r1", run_began_at=1.0, boot="b1", attempts=(Attempt(1, 7, 2.0, 3.0, 0),))

AROUND = lineage.Circumstances(Boot("b1", 0.0), 20.0, 15.0)


def carry(past, spec, order, verdict=Verdict.RUN, boot="b1", *, is_asked=True):
    around = lineage.Circumstances(Boot(boot, 0.0), 20.0, 15.0, is_asked=is_asked)
    return lineage.carry(past, verdict, spec, order, around)


def test_a_fresh_order_begins_a_new_run():
    """Its attempts, checkpoints and rehearsal are its own; only the number of revisions goes on."""
    past = replace(PAST, revision=9, rehearsal=Rehearsal(Rehearsed.CONTINUED, 1))
    job = carry(past, FRESH, "o2")
    assert job.run != "r1"
    assert (job.attempts, job.rehearsal, job.checkpoint, job.revision) == ((), None, None, 9)


def test_one_order_begins_one_run():
    """Restarted, interrupted or asked twice under the same id, it goes on with the run it began."""
    job = replace(carry(PAST, FRESH, "o2"), attempts=PAST.attempts)
    for verdict in Verdict:
        for boot in ("b1", "b2"):
            assert carry(job, FRESH, "o2", verdict, boot).run == job.run


def test_each_order_that_asks_for_it_begins_one():
    """Whoever says --fresh a second time means it; a plain order goes on with what the fresh one began."""
    job = carry(PAST, FRESH, "o2")
    assert carry(job, PLAIN, "o3").run == job.run
    assert carry(job, FRESH, "o4").run != job.run


def test_an_environment_that_merely_stands_counts_once():
    """A template with POD_FRESH=1 on a second pod, or read again, does not throw a run away."""
    job = carry(PAST, FRESH, "made-1", is_asked=False)
    assert job.run != "r1"
    assert carry(job, FRESH, "made-2", is_asked=False).run == job.run
    other = replace(FRESH, command="python train.py --lr 1")
    assert carry(job, other, "made-3", is_asked=False).run != job.run


@pytest.mark.parametrize(("kept_order", "kept_boot"), [("o0", "b1"), ("o1", "b0"), ("o0", "b0")])
def test_a_deadline_that_is_another_s_hides_none(kept_order, kept_boot):
    """The disk tells of another order or boot: that of the record stands, and none is set anew."""
    own = Deadline(900.0, "b1", "o1", 1.0)
    spec = replace(PLAIN, max_hours=1.0)
    around = replace(AROUND, known_deadline=Deadline(500.0, kept_boot, kept_order, 1.0))
    past = replace(PAST, spec=spec, deadline=own)
    assert lineage.carry(past, Verdict.CONTINUE, spec, "o1", around).deadline == own


def test_a_deadline_on_the_disk_comes_before_the_record_s():
    """Both are of this order and boot: the disk's has followed the clock that never jumps."""
    spec, kept = replace(PLAIN, max_hours=1.0), Deadline(500.0, "b1", "o1", 1.0)
    past = replace(PAST, spec=spec, deadline=Deadline(900.0, "b1", "o1", 1.0))
    around = replace(AROUND, known_deadline=kept)
    assert lineage.carry(past, Verdict.CONTINUE, spec, "o1", around).deadline == kept


@pytest.mark.parametrize("boot", ["b1", "b2"])
def test_a_checkpoint_from_before_an_order_is_no_step_of_it(boot):
    """Trained yesterday, and today it fails before an attempt begins: nothing was saved, here or in a later boot."""
    place = CheckpointPlace("/w/c", 5, 1, 3.0)
    job = carry(replace(PAST, checkpoint=place), PLAIN, "o2", boot=boot)
    assert job.checkpoint == place
    assert not hold.has_stepped(job, Progress(step=5, step_at=2.0))
    again = carry(job, PLAIN, "o2", Verdict.CONTINUE, "b3")
    assert not hold.has_stepped(again, None)
    assert hold.has_stepped(replace(again, checkpoint=replace(place, step=6)), None)


def test_another_repository_under_the_same_name_is_warned_of():
    """It goes on with a run that is not its own: allowed, and said once; another spelling of the same is none."""
    ours = replace(PLAIN, repo="https://github.com/us/digits.git")
    past = replace(PAST, spec=ours)
    job = carry(past, replace(ours, repo="git@github.com:them/digits.git"), "o2")
    assert job.run == "r1"
    (warning,) = job.warnings
    assert warning.startswith(lineage.OTHER_CODE)
    assert "run r1 goes on" in warning
    assert carry(job, job.spec, "o2", Verdict.CONTINUE).warnings == (warning,)
    assert carry(job, job.spec, "o3").warnings == ()
    for same in (
        "git@github.com:us/digits",
        "ssh://git@github.com:22/us/digits.git/",
        "https://GitHub.com/us/digits",
    ):
        assert carry(past, replace(ours, repo=same), "o2").warnings == ()
    assert carry(past, replace(FRESH, repo="https://github.com/them/digits"), "o2").warnings == ()


def test_another_repository_stands_in_the_log_too(tmp_path):
    """Where a person looks for why a training went on from what is not its own: before the first attempt, once."""
    job = carry(replace(PAST, spec=replace(PLAIN, repo="https://github.com/us/digits")), PLAIN, "o2")
    settings = Settings(workspace=tmp_path / "ws", disk_dir=tmp_path / "disk", run_dir=tmp_path / "run")
    settings.workspace.mkdir()
    folders = Folders(settings.workspace, settings.disk_dir, Scribe())
    folders.of(job.name).path.mkdir(parents=True)
    steps = RealSteps(settings, folders, RealClock())
    for tries in (0, 1):
        again = replace(job, tries=tries)
        steps.sync(again, steps.work(again))
    log = steps.log(job.name)
    assert log.read(0, log.size()).count(lineage.OTHER_CODE.encode()) == 1
