"""`up --fresh`: older checkpoints of higher steps are there, and the new run, killed, resumes its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.live import wait_for
from tests.story.bare_agent import BareAgent
from tests.story.conftest import CLIENT, JOB
from tests.story.seen import Seen, order

pytestmark = pytest.mark.slow
AMID = 17
LONGEST_PATH = 4095
FINDS_ITSELF = """\
import pathlib, runpy, sys
found = sorted(pathlib.Path("checkpoints").glob("step-*.pkl")) if "--auto" in sys.argv else []
sys.argv = [word for word in sys.argv if word != "--auto"] + (["--resume", str(found[-1])] if found else [])
runpy.run_path("trainer.py", run_name="__main__")
"""


def commit(laptop, name, text):
    (laptop.repo / name).write_text(text)
    for words in (["add", "."], ["commit", "-q", "-m", name]):
        subprocess.run(["git", *words], cwd=laptop.repo, env=laptop.env, check=True)


def train(laptop, *more, resume="--resume {checkpoint}", steps=60, waits=(), program="trainer.py"):
    command = f"python3 {program} --steps {steps} --pause 0.02"
    command += f" --wait-at {' '.join(map(str, waits))}" if waits else ""
    return order(laptop, command, "--resume", resume, "--on-finish", "keep", "--idle-minutes", "5", *more)


def waiting(pod, attempt):
    """The training waits amid its run, its newest checkpoint seen; its pid inside the pod."""
    pod.begins(attempt)
    wait_for("amid the run", (pod.tree / f"waited-{AMID}").exists)
    pod.checkpoint_after(14)
    return pod.record()["attempts"][-1]["pid"]


@pytest.mark.parametrize(
    ("program", "resume"), [("trainer.py", "--resume {checkpoint}"), ("finds_itself.py", "--auto")]
)
def test_a_fresh_run_killed_resumes_its_own(laptop, program, resume):
    """Run to step 60, then --fresh, killed at 17: it resumes at 15, told so or looking itself; none is lost."""
    commit(laptop, "finds_itself.py", FINDS_ITSELF)
    first = train(laptop, program=program, resume=resume)
    pod = Seen.only(first)
    assert first.ends() == 0, first.evidence()
    known = pod.record()["run"]
    fresh = train(laptop, "--fresh", waits=[AMID], program=program, resume=resume)
    wait_for("a new run", lambda: pod.record()["run"] != known or fresh.program.poll() is not None)
    pid = waiting(pod, 1)
    pod.simulator.kill(pod.id, pid)
    assert fresh.ends() == 0, fresh.evidence()
    starts = re.findall(rb"^starting at step (\d+)$", pod.log(), re.MULTILINE)
    assert starts == [b"0", b"0", b"15"]
    aside = sorted(path.name for path in (pod.job / "aside").rglob("step-*.pkl"))
    assert aside == [f"step-{step:04d}.pkl" for step in range(5, 65, 5)]
    here = sorted(path.name for path in (pod.tree / "checkpoints").glob("step-*.pkl"))
    assert here == aside, "the new run's own"
    again = train(laptop, "--fresh", waits=[AMID], program=program, resume=resume)
    wait_for(
        "an order that says so again begins a third", lambda: len(list((pod.job / "aside").iterdir())) == 2
    )
    again.program.kill()


def test_a_fresh_run_resumes_its_own_on_a_new_boot(laptop):
    """Stopped amid the fresh run and started again: the same run goes on at 15, and is not begun anew."""
    first = train(laptop)
    pod = Seen.only(first)
    assert first.ends() == 0, first.evidence()
    known = pod.record()["run"]
    train(laptop, "--fresh", waits=[AMID])
    wait_for("a new run", lambda: pod.record()["run"] != known)
    waiting(pod, 1)
    run = pod.record()["run"]
    pod.act("stop")
    pod.stopped()
    assert laptop.client("start", pod.id).returncode == 0
    wait_for("the end", lambda: (pod.record()["ending"] or {}).get("outcome") == "succeeded")
    assert pod.record()["run"] == run
    starts = re.findall(rb"^starting at step (\d+)$", pod.log(), re.MULTILINE)
    assert starts == [b"0", b"0", b"15"]
    pod.act("terminate")


def test_what_cannot_be_moved_aside_is_left_and_not_resumed(tmp_path):
    """No rename is possible: said as a warning, and the fresh run resumes its own by its own steps."""
    program = Path(__file__).parents[1] / "programs" / "trainer.py"
    with BareAgent(tmp_path) as agent:
        words = {"resume": "--resume {checkpoint}", "checkpoints": "checkpoints/**/*.pkl"}
        agent.give("digits", f"python3 {program} --steps 60 --pause 0.01", **words)
        assert agent.end_of("digits")["outcome"] == "succeeded"
        last = agent.workspace / "checkpoints" / "step-0060.pkl"
        deep = last.parent
        while len(str(deep)) < LONGEST_PATH - 260:
            deep /= "a" * 200
        deep /= "b" * (LONGEST_PATH - len(str(deep)) - 40)  # no path may be longer than this one
        deep.mkdir(parents=True)
        stays = last.rename(deep / last.name)
        (agent.workspace / ".podkeep" / "jobs" / "digits" / "aside").write_text("in the way")
        command = f"python3 {program} --steps 30 --pause 0.05 --wait-at {AMID}"
        agent.give("digits", command, fresh=True, **words)
        wait_for("amid the run", (agent.workspace / f"waited-{AMID}").exists)
        wait_for("step 15", lambda: (agent.status()["job"]["checkpoint"] or {}).get("step") == 15)
        os.kill(agent.status()["job"]["attempts"][-1]["pid"], signal.SIGKILL)
        job = agent.end_of("digits")
        assert job["outcome"] == "succeeded", job
        assert [attempt["resumed_step"] for attempt in job["attempts"]] == [None, 15]
        assert any("cannot be moved aside: File name too long" in warning for warning in job["warnings"])
        assert stays.exists()
        hidden = [path.name for path in agent.workspace.glob(".podkeep-aside-*/checkpoints/*")]
        assert len(hidden) == 11, "the others are hidden near where they were"


def test_a_fresh_run_is_a_new_one_in_wandb(laptop):
    """Every attempt of a run sees one W&B id, a fresh run another."""
    says = "echo id=$WANDB_RUN_ID $WANDB_RESUME"
    argv = [CLIENT, "up", "--local", "--job", JOB, "--repo", str(laptop.repo), "--on-finish", "keep"]
    argv += ["--idle-minutes", "5", "--command", says]
    for more in ((), (), ("--fresh",)):
        assert laptop.start(*argv, *more).ends() == 0
    pod = Seen(laptop.simulator, next(iter(laptop.simulator.pods())))
    said = re.findall(r"^id=(\w+) (\w+)$", pod.log().decode(), re.MULTILINE)
    assert [word for _, word in said] == ["allow"] * 3
    assert said[0] == said[1]
    assert said[1] != said[2]
    assert said[2][0] == pod.record()["run"]
