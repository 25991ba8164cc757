"""Which checkpoints are a run's own, whatever the clocks say, and what a fresh run leaves of older ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from pod_agent.outputs.belonging import FILE, Belonging, load, save
from pod_agent.run.aside import Aside
from tests.agent.checkpoint_files import numpy_zip, torch_zip, trainer
from tests.agent.test_resume import Place
from tests.story.small_places import on_small_disk


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_a_clock_that_was_set_back_hides_nothing(place):
    """What is saved after the run began is its own, though its time says otherwise."""
    place.since = time.time() + 7200  # the run began before the clock was corrected
    place.save("old.pt", torch_zip({"step": 90}))
    place.before()
    place.save("last.pt", torch_zip({"step": 5}))
    assert place.restore().step == 5
    place.see()
    assert (place.state / "kept" / "last.pt").is_dir(), "the watch sees it too"


def test_what_was_there_is_not_the_runs_own_until_it_is_written_again(place):
    """A clock that was behind does not make an older file a new one; a save over it does."""
    place.since = 0.0
    at = place.save("last.npz", numpy_zip(90))
    place.before()
    assert place.restore().path is None
    at.write_bytes(numpy_zip(5))
    assert place.restore().step == 5


def test_a_lost_list_falls_back_to_the_time(place):
    """Damaged, of another run, or never written: then the moment tells at which the run began."""
    place.save("last.npz", numpy_zip(5))
    place.before()
    assert place.restore().path is None
    for damage in (b"", b"[]", b"\xff", b'{"format": 1, "run": "r2", "before": {}}'):
        (place.state / FILE).write_bytes(damage)
        assert load(place.state, "r1") is None
        assert place.restore().step == 5


def test_a_name_of_any_bytes_is_noted(place):
    """A file name that is no text is remembered like any other."""
    place.save(os.fsdecode(b"\xff last.npz"), numpy_zip(5))
    place.before()
    place.since = 0.0
    assert place.restore().path is None


def test_a_list_that_cannot_be_written_is_said(place):
    """A full disk costs the list, not the run."""
    (place.state / f"{FILE}.new").mkdir()
    place.before()
    assert b"what was there before this run cannot be noted" in place.log


@pytest.mark.parametrize("glob", [None, "out/*"])
def test_a_fresh_run_resumes_its_own_though_older_ones_stay(place, glob):
    """Older checkpoints of higher steps that cannot be moved are not taken, neither by looking nor by a glob."""
    trainer(place.folder / "out/checkpoint-60", 60)
    place.is_fresh = True
    place.before(glob)
    trainer(place.folder / "out/checkpoint-15", 15)
    assert place.restore(glob=glob).step == 15
    place.is_fresh = False
    assert place.restore(glob=glob).step == (15 if glob is None else 60), (
        "named by glob, older ones count too"
    )


def test_a_fresh_run_killed_while_it_moves_checkpoints_aside_moves_the_rest(place):
    """Half done and done again: nothing is deleted, nothing is left, copies and memory go along."""
    for step in (10, 20, 30):
        trainer(place.folder / f"out/checkpoint-{step}", step)
    place.save("last.pt", torch_zip({"step": 40}))
    place.see()
    first = Aside(place.folder, place.state, place.work)
    assert first.move(place.folder / "out/checkpoint-20", "is in the way")
    assert place.fresh() == 3
    assert place.fresh() == 0
    found = sorted(path.name for path in (place.state / "aside").rglob("*") if "point-" in path.name)
    assert found == ["checkpoint-10", "checkpoint-20", "checkpoint-30"]
    assert list((place.state / "aside").rglob("step-40.pt")), "the copy"
    assert not (place.state / "checkpoints.json").exists()


@pytest.fixture
def other_disk():
    """A folder on another file system than the tests' own."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder)


def test_on_another_disk_they_are_hidden_near_the_original(place, other_disk, tmp_path):
    """No rename goes from one file system to another: then a hidden folder above the one where programs look."""
    assert other_disk.stat().st_dev != tmp_path.stat().st_dev, "one disk shows nothing"
    place.state = other_disk
    trainer(place.folder / "out/checkpoint-10", 10)
    assert place.fresh() == 1
    assert list((place.folder / "out").iterdir()) == []
    (hidden,) = place.folder.glob(".podkeep-aside-*")
    assert (hidden / "out/checkpoint-10/trainer_state.json").is_file()
    assert place.restore(glob="out/*").path is None


ON_A_FULL_DISK = """\
import os, pathlib, sys
from tests.agent.checkpoint_files import torch_zip, trainer
from tests.agent.test_resume import Place

place = Place(pathlib.Path(sys.argv[1]))
trainer(place.folder / "out/checkpoint-60", 60)
with open(place.state / "fills", "wb", buffering=0) as file:
    try:
        while file.write(bytes(4096)):
            continue
    except OSError:
        pass
place.is_fresh = True
assert place.fresh() == 1, place.log
place.before()
assert place.restore().path is None
os.truncate(place.state / "fills", 0)
trainer(place.folder / "out/checkpoint-15", 15)
place.save("last.pt", torch_zip({"step": 20}))
place.see()
assert place.restore().step == 20
print("well")
"""


@pytest.mark.slow
def test_a_fresh_run_on_a_full_disk(tmp_path):
    """Not a byte is free: moving aside needs none, the rest is done without, and the run goes on once there is room."""
    argv = on_small_disk(tmp_path, "4m", [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path)])
    done = subprocess.run(
        argv, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "well\n", done.stderr


def test_event_files_stay_where_they_are(place):
    """TensorBoard draws on in its folder: moving checkpoints aside, half ones or all, touches no event file."""
    logs = [
        place.save(f"{folder}/events.out.tfevents.1.pod.7.0", b"scalars")
        for folder in ("runs/Nov22_pod", "out/runs/a", "lightning_logs/version_0", "out")
    ]
    place.save("lightning_logs/version_0/checkpoints/last.ckpt", torch_zip({"global_step": 4}))
    half = trainer(place.folder / "out/checkpoint-20", 20)
    (half / "optimizer.pt").write_bytes(b"PK\x03\x04 cut")
    place.restore(resume="")
    assert not half.exists()
    trainer(place.folder / "out/checkpoint-30", 30)
    assert place.fresh() == 2
    assert [path.read_bytes() for path in logs] == [b"scalars"] * 4


def test_the_list_is_of_one_run(tmp_path):
    """Another run's list is not this one's."""
    save(tmp_path, "r1", {"a": "1"})
    assert load(tmp_path, "r1") == {"a": "1"}
    assert load(tmp_path, "r2") is None
    assert Belonging(tmp_path, 5.0).before is None
