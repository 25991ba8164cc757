"""A file that each save goes over, and its training killed in the middle of saves: a whole one is always left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pod_agent.outputs.belonging import Belonging
from pod_agent.outputs.checkpoints.kept import kept
from pod_agent.outputs.watch import CheckpointWatch
from pod_agent.run.resume import restore
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from tests.live import wait_for
from tests.story.seen import dice, note

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parents[1] / "programs" / "trainings" / "rewrites_in_place.py"
SPEC = JobSpec("x", "python train.py", repo="/r", resume="")
KILLS = 50


class Training:
    """The real program, and the real watch beside it, as during one attempt."""

    def __init__(self, top):
        self.folder, self.state = top / "code", top / "state"
        for folder in (self.folder, self.state):
            folder.mkdir()
        self.mine = Belonging(self.folder, before={})
        self.posted = []

    def begin(self, *options):
        self.watch = CheckpointWatch(self.state, SPEC, self.mine, RealClock(), self.posted.append)
        self.watch.start()
        self.program = subprocess.Popen(
            [sys.executable, "-S", str(PROGRAM), *options],
            cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        return int(self.hears("starting at step"))

    def hears(self, words):
        """The next line, which must begin so; what follows."""
        line = self.program.stdout.readline().decode()
        assert line.startswith(words), line
        return line.removeprefix(words)

    def asks_for_a_save(self):
        self.program.stdin.write(b"\n")
        return int(self.hears("saving"))

    def saves(self):
        self.asks_for_a_save()
        return int(self.hears("saved"))

    def dies(self):
        os.kill(self.program.pid, signal.SIGKILL)
        self.program.wait()
        self.program.stdin.close()
        self.program.stdout.close()
        self.watch.stop()
        self.watch.look(writer_alive=False)

    def has_copy_of(self, step):
        """Nobody may ask for the next save sooner than a training would take to get there."""
        wait_for(
            f"a copy of {step}", lambda: any(one.step == step for one, _ in kept(self.folder, self.state))
        )

    def restore(self):
        return restore(SPEC, self.folder, self.state, self.mine, Work(lambda _: None, RealClock()))


@pytest.mark.parametrize("mb", [5, 20])
def test_killed_in_the_middle_of_saves(tmp_path, mb):
    """Killed 25 times at random moments of a save, at two sizes: it resumes from the save before, every time."""
    rng = dice(f"kills in a save of {mb} MB")
    training, save_s = Training(tmp_path), 0.15
    options = ("--mb", str(mb), "--save-s", str(save_s))
    began = time.monotonic()
    training.begin(*options)
    whole = training.saves()
    training.has_copy_of(whole)
    halves = 0
    for _ in range(KILLS // 2):
        if rng.randrange(2):  # the one before is of this life, or was put back into it
            whole = training.saves()
            training.has_copy_of(whole)
        doomed = training.asks_for_a_save()
        time.sleep(rng.uniform(0, save_s))
        training.dies()
        at = training.folder / "out" / "ckpt.pt"
        halves += at.stat().st_size < mb << 20
        found = training.restore()
        assert found.path == at
        assert found.step in {whole, doomed}, "more than one save is lost"
        whole = training.begin("--init-from", "resume", *options)
        assert whole == found.step, "the program itself reads what was put back"
    training.dies()
    note(f"{halves} of {KILLS // 2} kills left a half file; {time.monotonic() - began:.1f} s")
    assert halves > 0, "no kill hit a save"


def test_saves_that_follow_faster_than_looks_are_each_kept(tmp_path):
    """Five saves within a second or two: every one is copied once, its writer hardly done, and told of."""
    training = Training(tmp_path)
    training.begin("--mb", "5", "--save-s", "0.05")
    steps = []
    for _ in range(5):
        steps.append(training.saves())
        training.has_copy_of(steps[-1])
    wait_for("each is told of", lambda: len(training.posted) >= len(steps))  # a moment after it is copied
    training.dies()
    assert [place.step for place in training.posted] == steps
    copies = sorted(one.step for one, _ in kept(training.folder, training.state))
    assert copies == steps[-2:], "the last two stay"
    (shelf,) = (training.state / "kept").iterdir()
    spent = sum(path.stat().st_size for path in shelf.iterdir())
    assert spent < 2.1 * (5 << 20)


def test_a_copy_is_never_of_two_saves(tmp_path):
    """Saves as fast as the program can, killed at random: whatever was copied is one save, whole."""
    rng = dice("saves without a pause")
    training = Training(tmp_path)
    training.begin("--mb", "5", "--save-s", "0.0")
    for _ in range(30):
        training.saves()
        time.sleep(rng.uniform(0, 0.02))
    training.dies()
    copies = kept(training.folder, training.state)
    sys.path.insert(0, str(PROGRAM.parent))
    try:
        from rewrites_in_place import step_in  # noqa: PLC0415 - the program's own way to read it
    finally:
        sys.path.pop(0)
    for one, _ in copies:
        assert step_in(one.path) == one.step
        body = one.path.read_bytes()
        at = body.index(b"archive/data/0") + len("archive/data/0")
        block = body[at : at + (1 << 10)]
        assert body[at : at + (5 << 20)] == block * (5 << 10), "bytes of two saves"
    shutil.rmtree(training.state / "kept")
    assert training.restore().step == 300
