"""Which checkpoint a training resumes from, and the command line it gets."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from pod_agent.outputs.belonging import Belonging, load
from pod_agent.outputs.watch import CheckpointWatch
from pod_agent.run.aside import Aside
from pod_agent.run.resume import Restored, begin, command_line, restore, variables
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from tests.agent.checkpoint_files import numpy_zip, torch_zip, trainer


class Place:
    def __init__(self, top):
        self.folder = top / "code"
        self.state = top / "state"
        self.folder.mkdir()
        self.state.mkdir()
        self.since = time.time() - 60
        self.log = b""
        self.is_fresh = False

    def write(self, data):
        self.log += data

    @property
    def work(self):
        return Work(self.write, RealClock())

    def spec(self, resume="--resume {checkpoint}", glob=None, command="python train.py"):
        return JobSpec("x", command, repo="/r", resume=resume, checkpoints=glob)

    def restore(self, **how):
        return restore(self.spec(**how), self.folder, self.state, self.mine(how.get("glob")), self.work)

    def fresh(self, spec=None):
        aside = Aside(self.folder, self.state, self.work)
        aside.move_all(spec or self.spec())
        assert aside.warnings == []
        return aside.moved

    def mine(self, glob=None):
        before = load(self.state, "r1")
        return Belonging(self.folder, self.since, before, glob is not None, is_fresh=self.is_fresh)

    def before(self, glob=None):
        """The run begins now."""
        begin(self.spec(glob=glob), self.folder, self.state, "r1", self.work)

    def save(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def see(self):
        """The watch sees what lies there, as while the training lived."""
        watch = CheckpointWatch(self.state, self.spec(), self.mine(), RealClock(), lambda _: None)
        watch.look(writer_alive=True)
        watch.look(writer_alive=True)

    def news(self):
        """What the watch of the next attempt tells as new."""
        told = []
        watch = CheckpointWatch(self.state, self.spec(), self.mine(), RealClock(), told.append)
        watch.look(writer_alive=True)
        watch.look(writer_alive=True)
        return told


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_nothing_there_means_a_fresh_start(place):
    """Without a whole checkpoint the command gets none, and the log says so."""
    restored = place.restore()
    assert (restored.path, restored.step) == (None, None)
    assert b"starting fresh" in place.log
    assert command_line(place.spec(), restored) == "python train.py"
    assert variables(restored) == {}


def test_the_newest_whole_one_by_step_is_chosen(place):
    """Steps decide, not names or times, and half ones are set aside, named and kept."""
    trainer(place.folder / "out/checkpoint-999", 999)
    trainer(place.folder / "out/checkpoint-1000", 1000)
    half = trainer(place.folder / "out/checkpoint-1500", 1500)
    (half / "optimizer.pt").write_bytes(b"PK\x03\x04 cut")
    os.utime(place.folder / "out/checkpoint-999/optimizer.pt")
    restored = place.restore()
    assert (restored.path, restored.step) == (place.folder / "out/checkpoint-1000", 1000)
    assert not half.exists(), "a trainer that looks for the last folder itself must not find it"
    (aside,) = (place.state / "aside").rglob("checkpoint-1500")
    assert (aside / "optimizer.pt").read_bytes() == b"PK\x03\x04 cut"
    assert "checkpoint-1500 is not whole (optimizer.pt:" in restored.warnings[0]
    assert str(aside) in restored.warnings[0]
    assert restored.warnings[0].encode() in place.log


def test_a_file_killed_in_the_middle_of_its_rewriting_is_put_back(place):
    """The kept copy of the last whole save goes where the training looks for it."""
    at = place.save("out/ckpt.pt", torch_zip({"iter_num": 250}))
    place.see()
    whole = at.read_bytes()
    place.save("out/ckpt.pt", torch_zip({"iter_num": 300})[:70])
    restored = place.restore(resume="")
    assert (restored.path, restored.step) == (at, 250)
    assert at.read_bytes() == whole
    assert list((place.state / "aside").rglob("ckpt.pt"))
    again = place.restore(resume="")
    assert (again.path, again.step, again.warnings) == (at, 250, ())


def test_the_one_name_that_a_program_looks_for_is_put_back_beside_a_newer_one(place):
    """Lightning looks for last.ckpt alone: killed while that was written, a newer file of another name is no help."""
    last = place.save("checkpoints/last.ckpt", torch_zip({"global_step": 32}))
    place.see()
    whole = last.read_bytes()
    place.save("checkpoints/epoch=8-step=36.ckpt", torch_zip({"global_step": 36}))
    place.save("checkpoints/last.ckpt", b"")
    restored = place.restore(resume="")
    assert (restored.step, restored.others) == (36, ((last, 32),))
    assert "if it knows last.ckpt only, which is the last whole copy, of step 32" in restored.warnings[-1]
    assert restored.warnings[-1].encode() in place.log
    assert last.read_bytes() == whole
    assert next((place.state / "aside").rglob("last.ckpt")).read_bytes() == b""
    assert place.news() == [], "what was put back is no news of the next attempt"


def test_an_older_name_that_stays_is_said_for_a_program_that_looks_by_itself(place):
    """Killed between the new file and last.ckpt, both are whole: which one is taken nobody here knows."""
    last = place.save("last.ckpt", torch_zip({"global_step": 32}))
    place.save("epoch=8-step=36.ckpt", torch_zip({"global_step": 36}))
    restored = place.restore(resume="")
    assert (restored.step, restored.others, restored.warnings) == (36, ((last, 32),), ())
    assert b"it may also take last.ckpt of step 32" in place.log
    assert place.restore(resume="--resume {checkpoint}").others == ()


def test_an_agent_killed_while_it_puts_a_copy_back_does_it_again(place):
    """Set aside and not yet put back, a name must not be forgotten: it is never without a file."""
    last = place.save("last.ckpt", torch_zip({"global_step": 32}))
    place.see()
    whole = last.read_bytes()
    place.save("epoch=8-step=36.ckpt", torch_zip({"global_step": 36}))
    place.save("last.ckpt", b"half")

    def dies(data):
        place.log += data
        if b"last.ckpt is not whole" in data:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(place.spec(resume=""), place.folder, place.state, place.mine(), Work(dies, RealClock()))
    place.restore(resume="")
    assert last.read_bytes() == whole


def test_a_whole_file_that_an_older_copy_would_go_over_is_set_aside(place):
    """Somebody may have gone back on purpose: what lies there is theirs, and no copy deletes it."""
    place.save("ckpt.pt", torch_zip({"iter_num": 250}))
    place.see()
    back = torch_zip({"iter_num": 50})
    place.save("ckpt.pt", back)
    restored = place.restore(resume="")
    assert restored.step == 250
    (aside,) = (place.state / "aside").rglob("ckpt.pt")
    assert aside.read_bytes() == back
    assert "gives way to a newer copy" in restored.warnings[0]


def test_a_newer_whole_file_in_place_beats_its_copy(place):
    """What was saved after the last look and is whole is used where it lies."""
    place.save("last.npz", numpy_zip(10))
    place.see()
    place.save("last.npz", numpy_zip(20))
    assert place.restore().step == 20
    assert place.folder.joinpath("last.npz").read_bytes() == numpy_zip(20)


def test_what_is_resumed_in_place_is_copied_first(place):
    """Pod and agent went down together: the first save after that goes over a file that nobody had copied yet."""
    at = place.save("out/ckpt.pt", torch_zip({"iter_num": 250}))
    whole = at.read_bytes()
    assert place.restore(resume="").step == 250
    place.save("out/ckpt.pt", torch_zip({"iter_num": 300})[:70])
    assert place.restore(resume="").step == 250
    assert at.read_bytes() == whole


def test_an_older_runs_higher_steps_are_out_of_sight_of_a_program_that_looks_itself(place):
    """`resume_from_checkpoint=True` takes the highest number: another run's is moved, other files are not."""
    older = trainer(place.folder / "out/checkpoint-60", 60)
    other = trainer(place.folder / "base/checkpoint-70", 70)
    plain = place.save("out/model-99.safetensors", b"weights")
    place.before()
    trainer(place.folder / "out/checkpoint-15", 15)
    told = place.restore()
    assert (told.step, older.exists()) == (15, True), "a program that is told the path does not look"
    found = place.restore(resume="--resume_from_checkpoint True")
    assert (found.step, older.exists(), other.exists(), plain.exists()) == (15, False, True, True)
    (aside,) = (place.state / "aside").rglob("checkpoint-60")
    assert (aside / "trainer_state.json").is_file()
    assert found.warnings == (f"checkpoint checkpoint-60 is of another run; set aside as {aside}",)
    assert place.restore(resume="--resume_from_checkpoint True").warnings == ()


def test_without_a_way_to_resume_no_file_is_touched(place):
    """POD_RESUME not set: the choice is told, and everything stays where it is."""
    place.save("last.pt", torch_zip({"step": 5})[:60])
    restored = place.restore(resume=None)
    assert restored.path is None
    assert (place.folder / "last.pt").exists()


def test_an_older_runs_checkpoints_are_not_resumed(place):
    """Only what was written since the run began counts, unless a glob names it."""
    at = place.save("checkpoint-10.npz", numpy_zip(10))
    os.utime(at, (1000, 1000))
    assert place.restore().path is None
    assert place.restore(glob="*.npz").step == 10


def test_fresh_moves_older_checkpoints_aside_and_deletes_none(place):
    """A fresh run finds nothing to resume from; every byte is still there."""
    trainer(place.folder / "out/checkpoint-10", 10)
    place.save("last.pt", torch_zip({"step": 12}))
    place.save("data/plain.pt", torch_zip([1, 2]))
    place.save("train.py", b"code")
    place.see()
    assert place.fresh() == 2
    assert sorted(p.name for p in place.folder.rglob("*.p*")) == ["plain.pt", "train.py"]
    assert place.restore().path is None
    names = {path.name for path in (place.state / "aside").rglob("*")}
    assert {"checkpoint-10", "last.pt", "step-12.pt", "checkpoints.json", "model.safetensors"} <= names
    assert place.fresh() == 0


def test_fresh_without_a_repository_leaves_other_jobs_alone(place):
    """In a workspace that jobs share, only what this job was seen to write is moved."""
    place.save("mine/last.pt", torch_zip({"step": 12}))
    place.see()
    place.save("yours/last.pt", torch_zip({"step": 12}))
    place.save("digits/.git/podkeep/commit", b"")
    place.save("digits/last.pt", torch_zip({"step": 12}))
    spec = JobSpec("x", "true")
    assert place.fresh(spec) == 1
    assert sorted(str(p.relative_to(place.folder)) for p in place.folder.rglob("*.pt")) == [
        "digits/last.pt",
        "yours/last.pt",
    ]


@pytest.mark.parametrize(
    ("command", "resume", "expected"),
    [
        ("python train.py", "--resume {checkpoint}", "python train.py --resume <C>"),
        ("python train.py\n", "--resume={checkpoint}", "python train.py --resume=<C>"),
        ("a {resume} && b", "--r {checkpoint}", "a --r <C> && b"),
        ("a {resume} | tee log", "", "a  | tee log"),
        ("a", "", "a"),
        ("a", "--auto", "a --auto"),
        ("a", '--r "{checkpoint}"', "a --r <C>"),
        ("a", "--r 'x={checkpoint}'", "a --r x=<C>"),
        ('a "b\\"c" {resume}', "{checkpoint}", 'a b"c <C>'),
        ("echo '{checkpoint}'", None, "echo {checkpoint}"),
    ],
)
def test_the_checkpoint_enters_the_command_as_one_word(command, resume, expected, tmp_path):
    """bash sees one word whatever the name holds, in every kind of quotes, and nothing in a name is run."""
    nasty = "/w/a b'c\"d $(touch ran) `touch ran`;*/checkpoint-1"
    spec = JobSpec("x", command, resume=resume)
    text = command_line(spec, Restored(tmp_path / nasty, 1))
    assert nasty not in text
    shown = text.replace("&& b", "'&&' b").replace("| tee", "'|' tee").removeprefix("echo ")
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {shown}"],
        env={"PATH": os.environ["PATH"], "POD_RESUME_FROM": nasty},
        cwd=tmp_path, capture_output=True, check=True,
    )  # fmt: skip
    wanted = [word.replace("<C>", nasty) for word in expected.removeprefix("echo ").split()]
    assert done.stdout.decode().splitlines() == wanted
    assert list(tmp_path.iterdir()) == []


def test_a_first_attempt_gets_no_resume_words():
    """Without a checkpoint the place in the command is left empty."""
    spec = JobSpec("x", "a {resume} | tee log", resume="--r {checkpoint}")
    assert command_line(spec, Restored(None, None)) == "a  | tee log"
