"""How far a training is and what it costs, while it runs: what `pod-client status` says of a real one on its pod."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.live import PATIENCE_S, wait_for
from tests.story.laptop import CLIENT, JOB
from tests.story.seen import Seen

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parents[1] / "programs" / "trainings" / "descends.py"
STEPS, FIRST, WAITS = 60, 10, 30


@pytest.fixture
def training(laptop):
    """A small training with its total and losses in the log, which waits early, and at half its steps."""
    shutil.copy(PROGRAM, laptop.repo)
    for command in (["git", "add", "-A"], ["git", "commit", "-q", "-m", "a training that says its loss"]):
        subprocess.run(command, cwd=laptop.repo, env=laptop.env, check=True)
    command = f"exec python3 descends.py --steps {STEPS} --wait-at {FIRST} {WAITS}"
    source = laptop.source or str(laptop.repo)
    argv = ["up", "--local", "--job", JOB, "--repo", source, "--command", command]
    return laptop.start(CLIENT, *argv, steps=STEPS)


def comes_to(training, step):
    """The status, once it tells this step, at which the training waits; the pod, and the training's pid."""

    def look():
        status = training.status()
        told = (status.get("status") or {}).get("progress") or {}
        return status if told.get("step") == step else None

    status = wait_for(f"step {step} in the status; up said:\n{training.told.read_text()}", look)
    return status, Seen(training.laptop.simulator, status["id"]), status["job"]["attempts"][-1]["pid"]


def test_a_real_training_on_one_screen(training, laptop):
    """Amid the run there are the step, its total, the loss's curve, a pace, an end and the money."""
    _, pod, pid = comes_to(training, FIRST)  # a pace lies between two looks, and the first may come late
    training.goes_on(pod.id, pid)
    status, _, _ = comes_to(training, WAITS)
    told, money = status["status"]["progress"], status["status"]["money"]
    assert (told["total"], told["source"]) == (STEPS, "lines of the log")
    assert told["rate"] > 0
    assert told["eta_s"] > 0
    assert len(told["losses"]) >= 2
    assert told["losses"][0] > told["losses"][-1]
    assert money["price_per_hour"] > 0
    assert money["to_finish"] > 0
    shown = laptop.client("status", JOB)
    for words in (f"{WAITS} of {STEPS} (50 %)", "in about", "lines of the log", "this run"):
        assert words in shown.stdout, shown.stdout + shown.stderr
    assert all(len(line) <= 80 for line in shown.stdout.splitlines() if "loss" in line or " of " in line)
    argv = [CLIENT, "status", "--local", JOB, "--watch"]
    seen = laptop.repo.parent / "watched"
    with seen.open("wb") as out:
        watching = subprocess.Popen(argv, env=laptop.env, cwd=laptop.repo, stdout=out, stderr=out)
    laptop.started.append(watching)
    wait_for("the first lines of --watch", lambda: f"{WAITS} of {STEPS}" in seen.read_text())
    # who looks every two seconds is to see the end before the stop
    pod.faults(refuse_stop=True, graphql="refuse")
    training.goes_on(pod.id, pid)
    end = re.compile(r"phase: (?:finished|stopping)")
    wait_for("the end on --watch", lambda: end.search(seen.read_text()) or watching.poll() is not None)
    pod.faults(refuse_stop=False, graphql="ok")
    assert watching.wait(PATIENCE_S) == 0, seen.read_text()
    assert "phase: running" in seen.read_text()
    assert "outcome     succeeded" in seen.read_text(), "whoever watches sees the end"
    assert f"step {STEPS} of {STEPS}" in seen.read_text()
    assert "was not seen here" not in seen.read_text()
