"""What is on the pod's own disk beside the job at hand: other jobs, older runs, files that nobody here has made."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from pod_agent.outputs import belonging
from pod_agent.run import beside, state
from pod_agent.run.aside import ASIDE
from pod_agent.run.beside import Beside
from pod_agent.run.state import Job
from pod_wire.job import JobSpec
from pod_wire.status import Attempt, CheckpointPlace

MINE = Job(JobSpec("digits", "x", ephemeral=True), "o", "r1", 0.0, "b", attempts=(Attempt(1),))
OTHER = replace(MINE, spec=JobSpec("other", "x"), run="r7")
SAVED = CheckpointPlace("/w/c", 5, 1, 1.0)


@pytest.fixture
def disk(tmp_path):
    """Its workspace, with the job's folder, its state, and what podkeep keeps besides."""
    put(tmp_path / "digits" / "out" / "ckpt-5.pt")
    put(tmp_path / ".podkeep" / "envs" / "pack")
    put(tmp_path / ".cache" / "huggingface" / "hub" / "model")
    record(tmp_path, MINE)
    return tmp_path


def put(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def record(disk, job, name=None):
    folder = disk / ".podkeep" / "jobs" / (name or job.name)
    put(folder / "log")
    (folder / state.FILE).write_bytes(state.dump(job))
    return folder


def look(disk):
    return beside.look(disk, disk, MINE)


def test_nothing_but_the_job_s_own(disk):
    """Its folder, podkeep's state and the caches count for nothing, nor do empty folders and links."""
    (disk / "empty" / "folder").mkdir(parents=True)
    (disk / "link").symlink_to(disk / "digits" / "out")
    assert look(disk) == Beside()


JOBS = {
    "it made a checkpoint": (replace(OTHER, checkpoint=SAVED), "what job 'other' made (until step 5)"),
    "it ran": (OTHER, "what job 'other' made"),
    "it never ran": (replace(OTHER, attempts=()), None),
    "its own order gave it up": (replace(OTHER, spec=replace(OTHER.spec, ephemeral=True)), None),
}


@pytest.mark.parametrize("case", JOBS)
def test_another_job(disk, case):
    """By its own record, and its folder is its own."""
    job, words = JOBS[case]
    record(disk, job)
    put(disk / "other" / "train.py")
    assert look(disk).others == (() if words is None else (words,))


def test_another_job_whose_record_is_broken_or_gone(disk):
    """Nobody knows what it has made: so it counts."""
    (record(disk, OTHER) / state.FILE).write_bytes(b"{torn")
    put(disk / ".podkeep" / "jobs" / "third" / "log")
    (disk / ".podkeep" / "jobs" / "fourth").mkdir()
    assert look(disk).others == (
        "job 'other', whose record cannot be read",
        "job 'third', which has no record",
    )


def test_what_fresh_set_aside(disk):
    """Of this job it is its own to give up; of another one it is not."""
    put(disk / ".podkeep" / "jobs" / "digits" / ASIDE / "20260101" / "ckpt-1.pt")
    assert look(disk) == Beside(own=("what its older runs made",))
    put(record(disk, replace(OTHER, attempts=())) / ASIDE / "20260101" / "ckpt-1.pt")
    assert look(disk).others == ("what older runs of job 'other' made",)


@pytest.mark.parametrize(
    ("run", "before", "is_older"), [("r1", {}, False), ("r1", {"ckpt": "1"}, True), ("r0", {}, True)]
)
def test_what_older_runs_left_in_place(disk, run, before, is_older):
    """By what stood there when this run began, or by what another run noted."""
    belonging.save(disk / ".podkeep" / "jobs" / "digits", run, before)
    assert bool(look(disk).own) is is_older


def test_files_of_a_person(disk):
    """Counted and named by what lies at the top."""
    put(disk / "notes.txt")
    assert look(disk).others == ("1 file that no job made ('notes.txt')",)
    for name in ("data/a/b", "data/c", "zoo/d", "evil\n\x1b[0m"):
        put(disk / name)
    assert look(disk).others == ("5 files that no job made ('data' 'evil??[0m' 'notes.txt' …)",)


def test_a_workspace_within_the_disk(disk):
    """What lies above the workspace goes with the disk too."""
    put(disk / "above")
    inner = disk / "inner"
    put(inner / "digits" / "x")
    record(inner, MINE)
    assert "'above'" in beside.look(disk, inner, MINE).others[-1]
    assert "'inner'" not in beside.look(inner, inner, MINE).others


def test_what_the_agent_keeps_elsewhere_on_it(disk):
    """Its own folders are no person's."""
    put(disk / "run" / "x")
    assert beside.look(disk, disk, MINE, (disk / "run",)) == Beside()


def test_many_files_are_not_all_counted(disk):
    """A thousand say enough."""
    (disk / "data").mkdir()
    for number in range(beside.MOST_FILES + 10):
        (disk / "data" / str(number)).touch()
    assert look(disk).others == (f"{beside.MOST_FILES} files or more that no job made ('data' …)",)


def test_many_jobs_are_not_all_named(disk):
    """Three, and how many more."""
    for name in "abcde":
        record(disk, OTHER, name)
    assert look(disk).others[2:] == ("what job 'c' made", "2 more jobs")
    record(disk, OTHER, "f")
    assert look(disk).others[3] == "3 more jobs"


def test_a_look_that_cannot_come_to_its_end_proves_nothing(disk):
    """As where the disk is gone."""
    with pytest.raises(FileNotFoundError):
        beside.look(disk / "gone", disk, MINE)


def test_a_sea_of_empty_folders_is_given_up(disk):
    """Too many to look at, with no file among them: not known, and soon."""
    for number in range(60):
        (disk / "sea" / str(number)).mkdir(parents=True)
    known = {os.fspath(disk / name) for name in ("digits", ".podkeep", ".cache")}
    assert beside._walk(disk, known, most=1000).count == 0
    with pytest.raises(TimeoutError):
        beside._walk(disk, known, most=50)
    with pytest.raises(TimeoutError):
        beside._walk(disk, known, until=time.monotonic() - 1.0)
