"""The list of a job's checkpoints: what there is, whole or not and why, and which one an attempt would get."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pod_agent.outputs.belonging import Belonging, load
from pod_agent.run.inventory import Inventory
from pod_agent.run.state import Job
from pod_wire.checkpoints import Kind
from pod_wire.codec import from_json, to_json
from pod_wire.status import Attempt
from tests.agent.checkpoint_files import numpy_zip, torch_zip, trainer
from tests.agent.test_resume import Place


def listed(place, *, glob=None, resume="--resume {checkpoint}", attempts=(), pauses=None):
    job = Job(place.spec(glob=glob, resume=resume), "o1", "r1", place.since, "b1", attempts=attempts)
    mine = Belonging(place.folder, place.since, load(place.state, "r1"), has_glob=glob is not None)
    inventory = Inventory(job, mine, place.state, (pauses if pauses is not None else []).append)
    return inventory.take(time.time())


def everything(folder):
    """Names, sizes and times of all there is."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_whole_half_older_kept_and_aside(tmp_path):
    """Each is listed once, in its place to the run, with step, size, format and, where it is not whole, why."""
    place = Place(tmp_path)
    place.save("out/step-3.npz", numpy_zip(3))
    place.before()
    place.save("ckpt.pt", torch_zip({"step": 10}))
    place.see()  # a copy is kept
    place.save("out/step-5.npz", numpy_zip(5)[:400])
    place.restore()  # sets the half one aside
    place.save("out/step-7.npz", numpy_zip(7))
    place.save("out/step-9.npz", numpy_zip(9)[:500])
    before = everything(tmp_path)
    found = listed(place)
    assert everything(tmp_path) == before
    told = [
        (one.kind, Path(one.belongs or one.path).name, one.step, one.whole, one.chosen)
        for one in found.checkpoints
    ]
    assert told == [
        (Kind.OLDER, "step-3.npz", 3, True, False),
        (Kind.ASIDE, "step-5.npz", 5, False, False),
        (Kind.KEPT, "ckpt.pt", 10, True, False),
        (Kind.OWN, "step-7.npz", 7, True, False),
        (Kind.OWN, "step-9.npz", 9, False, False),
        (Kind.OWN, "ckpt.pt", 10, True, True),
    ]
    half = found.checkpoints[4]
    assert (half.why, half.size_bytes, half.format) == ("the end of its zip is missing", 500, "numpy.savez")
    assert (found.job, found.run, found.resumes, found.left_out) == ("x", "r1", True, 0)


def test_what_is_listed_is_what_an_attempt_gets(tmp_path):
    """The chosen one is the very one that restoring takes, also where that is a kept copy."""
    place = Place(tmp_path)
    place.before()
    path = place.save("ckpt.pt", torch_zip({"step": 10}))
    place.see()
    path.write_bytes(torch_zip({"step": 20})[:700])
    chosen = next(one for one in listed(place).checkpoints if one.chosen)
    assert (chosen.kind, chosen.step, chosen.belongs) == (Kind.KEPT, 10, str(path))
    found = place.restore()
    assert (str(found.path), found.step) == (chosen.belongs, chosen.step)


def test_a_folder_is_one_checkpoint(tmp_path):
    """A Trainer's folder is one line, with the size of all its files, and what it lacks."""
    place = Place(tmp_path)
    place.before()
    trainer(place.folder / "out/checkpoint-10", 10)
    half = trainer(place.folder / "out/checkpoint-20", 20)
    (half / "model.safetensors").unlink()
    found = listed(place).checkpoints
    assert [(one.format, one.step, one.whole, one.chosen) for one in found] == [
        ("Hugging Face Trainer", 10, True, True),
        ("Hugging Face Trainer", 20, False, False),
    ]
    assert found[1].why == "its weights are missing"


def test_what_may_be_being_written_is_looked_at_twice(tmp_path):
    """While a training lives, one that nobody saw whole is waited for a second; when all are known, nobody waits."""
    place = Place(tmp_path)
    place.before()
    place.save("ckpt.pt", torch_zip({"step": 10}))
    alive = (Attempt(1, pid=7, started_at=1.0),)
    pauses: list[float] = []
    assert [one.whole for one in listed(place, attempts=alive, pauses=pauses).checkpoints] == [True]
    assert pauses == [1.0]
    place.see()
    assert [one.chosen for one in listed(place, attempts=alive, pauses=pauses).checkpoints] == [False, True]
    assert pauses == [1.0]


def test_nothing_there_and_no_way_to_resume(tmp_path):
    """An empty folder gives an empty list, a missing one too; without POD_RESUME the list says so."""
    place = Place(tmp_path)
    assert listed(place, resume=None).checkpoints == ()
    assert listed(place, resume=None).resumes is False
    place.folder.rmdir()
    assert listed(place).checkpoints == ()


def test_the_list_survives_the_wire(tmp_path):
    """A name that is no UTF-8 is shown as far as it is, and the answer is read back as it was."""
    place = Place(tmp_path)
    name = os.fsdecode(b"ckpt-\xff-5.pt")
    (place.folder / name).write_bytes(torch_zip({"step": 5}))
    found = listed(place)
    assert from_json(type(found), to_json(found)) == found
    assert "ckpt-�-5.pt" in found.checkpoints[0].path


def test_the_oldest_are_left_out_of_a_long_list(tmp_path):
    """An answer holds a thousand; how many more there are is said, and the newest are in it."""
    place = Place(tmp_path)
    data = numpy_zip(1, b"w")
    for step in range(1003):
        (place.folder / f"step-{step}.npz").write_bytes(data)
    found = listed(place, glob="*.npz")
    assert (len(found.checkpoints), found.left_out) == (1000, 3)


def test_a_job_of_old_is_listed_too(tmp_path):
    """A run whose list of what was there before is lost goes by its time."""
    place = Place(tmp_path)
    old = place.save("step-1.npz", numpy_zip(1))
    os.utime(old, (place.since - 100, place.since - 100))
    place.save("step-2.npz", numpy_zip(2))
    assert [(one.kind, one.step) for one in listed(place).checkpoints] == [(Kind.OLDER, 1), (Kind.OWN, 2)]


def test_a_program_that_looks_by_itself_may_take_an_older_name(tmp_path):
    """A half last.ckpt is put back from its copy: that, or the newest of another name; both are marked."""
    place = Place(tmp_path)
    place.save("last.ckpt", torch_zip({"global_step": 32}))
    place.see()
    place.save("epoch=8-step=36.ckpt", torch_zip({"global_step": 36}))
    place.save("last.ckpt", b"half")
    told = {Path(one.path).name: (one.chosen, one.instead) for one in listed(place, resume="").checkpoints}
    assert told == {
        "step-32.ckpt": (False, True),
        "epoch=8-step=36.ckpt": (True, False),
        "last.ckpt": (False, False),
    }
    place.restore(resume="")
    told = {
        Path(one.path).name: one.instead
        for one in listed(place, resume="").checkpoints
        if one.kind is Kind.OWN
    }
    assert told == {"epoch=8-step=36.ckpt": False, "last.ckpt": True}
    assert not any(one.instead for one in listed(place).checkpoints)
