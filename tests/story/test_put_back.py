"""Programs that look for their checkpoint themselves, with the real libraries: what they find is the newest whole one.

Each is held amid its run, left what a kill in the middle of a save leaves, and killed; then it must go on.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import wait_for
from tests.story.bare_agent import BareAgent
from tests.story.seen import dice, note
from tests.story.weights import tensors

pytestmark = [
    pytest.mark.torch,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("lightning") is None, reason="tests/torch.txt is not installed"
    ),
]
TESTS = Path(__file__).parents[1]
PROJECTS = TESTS / "projects"
PROGRESS = r"^(?:iter \d+:|epoch \d+ |step \d+ |\{'loss')"  # nanoGPT, Lightning, Accelerate, Trainer


class Training:
    """One program from a repository, on a real agent."""

    def __init__(self, top, agent, source, env):
        self.agent, self.env = agent, env
        self.repo, self.alone = top / "repo", top / "alone"
        if source.is_dir():
            shutil.copytree(source, self.repo)
        else:
            self.repo.mkdir()
            shutil.copy(source, self.repo / "train.py")
        for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "It"]):
            subprocess.run(["git", *words], cwd=self.repo, env=env, check=True)
        self.tree = agent.workspace / "it"

    def order(self, command, **fields):
        fields = {"repo": str(self.repo), "requirements": "", "max_restarts": 9, **fields}
        self.agent.give("it", f"{sys.executable} {command}", **fields)

    def undisturbed(self, command, result):
        """The weights of a run without agent and kill."""
        shutil.copytree(self.repo, self.alone)
        subprocess.run(
            [sys.executable, *command.split()], cwd=self.alone, env=self.env, check=True,
            capture_output=True, timeout=600,
        )  # fmt: skip
        return tensors(self.alone / result)

    def job(self):
        return self.agent.status()["job"]

    def held(self, lines, after=0):
        """Stopped as soon as the attempt has printed so many lines of progress: its pid, and its checkpoint's step.

        Stopped first and looked at then, so that no machine is too slow to see it before it ends.
        """
        wait_for(f"{lines} lines of progress", lambda: self._printed() >= lines, every_s=0.02)
        pid = self.job()["attempts"][-1]["pid"]
        os.kill(pid, signal.SIGSTOP)
        step = wait_for(f"a whole checkpoint after {after}", lambda: self._saved_after(after))
        return pid, step

    def _printed(self):
        """Lines of progress of the newest attempt."""
        job = self.job()
        assert job["phase"] != "finished", job["reason"]
        number = job["attempts"][-1]["number"] if job["attempts"] else 0
        mine = self.log().partition(f"podkeep: attempt {number} of run {job['run']},")[2]
        return len(re.findall(PROGRESS, mine, re.MULTILINE))

    def _saved_after(self, step):
        found = (self.job()["checkpoint"] or {}).get("step") or 0
        return found if found > step else None

    def dies(self, pid, attempt):
        os.kill(pid, signal.SIGKILL)
        wait_for(f"attempt {attempt}", lambda: self.job()["attempts"][-1]["number"] == attempt)
        return self.job()["attempts"][-1]["resumed_step"]

    def log(self):
        return self.agent.call("GET", "/logs")[1].decode()

    def ends_well(self):
        job = self.agent.end_of("it")
        assert job["outcome"] == "succeeded", self.log()[-3000:]
        return job


@pytest.fixture
def training(tmp_path, clean_environment):
    with BareAgent(tmp_path) as agent:
        yield lambda source: Training(tmp_path, agent, source, clean_environment)


def tear(path, rng):
    """What torch.save leaves of the file it goes over, when it is killed."""
    os.truncate(path, rng.randrange(path.stat().st_size))


def test_nanogpt_torn_and_rehearsed(training):
    """`--init_from=resume` reads out/ckpt.pt: torn, it is put back; a save right after loading is no new start."""
    rng = dice("nanoGPT")
    it = training(PROJECTS / "nanogpt")
    command = "train.py config/train_bytes.py --max_iters=90 --pace=0.15"
    it.order(command, resume="--init_from=resume", rehearse=True)
    wait_for("the rehearsal is over", lambda: (it.job()["rehearsal"] or {}).get("state") == "continued")
    told = it.job()["rehearsal"]
    note(str(told))
    assert told["kills"] == 2, "it saves the step that it was given again"
    pid, step = it.held(lines=8, after=told["step"])
    tear(it.tree / "out" / "ckpt.pt", rng)
    number = it.job()["attempts"][-1]["number"]
    assert it.dies(pid, number + 1) >= step - 6, "one save at most is lost"
    job = it.ends_well()
    assert "Resuming training from out\n" in it.log()
    starts = [int(n) for n in re.findall(r"Resuming training from out\nstep (\d+):", it.log())]
    assert starts == [attempt["resumed_step"] for attempt in job["attempts"][1:]]


def test_lightning_torn_last(training):
    """`ckpt_path="last"` finds checkpoints/last.ckpt: torn, it is put back, and the weights end the same."""
    rng = dice("Lightning")
    it = training(PROJECTS / "lightning_last")
    it.order("train.py --pace 0.25 --epochs 10", resume="")
    pid, step = it.held(
        lines=2
    )  # Lightning puts each save in place whole: from the third on no copies are needed
    tear(it.tree / "checkpoints" / "last.ckpt", rng)
    for other in (it.tree / "checkpoints").glob("epoch*.ckpt"):
        tear(other, rng)
    assert it.dies(pid, 2) >= max(4, step - 4)
    assert "the kept copy step-" in it.log()
    it.ends_well()
    assert tensors(it.tree / "final.pt") == it.undisturbed("train.py --epochs 10", "final.pt")


def test_trainer_finds_the_right_folder_itself(training):
    """`resume_from_checkpoint=True` after a longer run, beside a half save: a fresh run resumes its own."""
    it = training(PROJECTS / "hf_trainer")
    long = "train.py --max_steps 30 --save_steps 5"
    it.order(long, resume="--resume")
    it.ends_well()
    it.order(f"{long} --pace 0.3", resume="--resume", fresh=True)
    wait_for("the fresh run", lambda: len(it.job()["attempts"]) == 1 and it.job()["phase"] == "running")
    pid, step = it.held(lines=6)
    whole = it.tree / "out" / f"checkpoint-{step}"
    half = shutil.copytree(whole, whole.with_name(f"checkpoint-{step + 25}"))
    (half / "trainer_state.json").unlink()
    assert it.dies(pid, 2) >= step
    assert not half.exists()
    it.ends_well()
    wanted = it.undisturbed(long, "out/final/model.safetensors")
    assert tensors(it.tree / "out/final/model.safetensors") == wanted


def test_accelerate_counts_on(training):
    """Automatic naming: load_state() takes the highest number, so a half one is out of its sight; the count goes on."""
    it = training(TESTS / "programs" / "trainings" / "accelerate_auto.py")
    command = "train.py --steps 40"
    it.order(f"{command} --pace 0.15", resume="--resume", checkpoints="work/checkpoints/*")
    seen = 0
    for attempt in (2, 3):
        pid, seen = it.held(lines=12, after=seen)
        newest = max(
            (it.tree / "work/checkpoints").iterdir(), key=lambda path: int(path.name.rpartition("_")[2])
        )
        half = newest.with_name(f"checkpoint_{int(newest.name.rpartition('_')[2]) + 1}")
        half.mkdir()
        shutil.copy(newest / "model.safetensors", half)
        assert it.dies(pid, attempt) is not None
        assert not (half / "model.safetensors").exists() or (half / "optimizer.bin").exists()
    it.ends_well()
    names = sorted(path.name for path in (it.tree / "work/checkpoints").iterdir())
    assert names == sorted(f"checkpoint_{number}" for number in range(len(names))), names
    assert tensors(it.tree / "final.safetensors") == it.undisturbed(command, "final.safetensors")
