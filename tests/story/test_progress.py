"""How far a training is and what it costs, while it runs: what `pod-client status` says of a real one on its pod."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.live import wait_for
from tests.story.laptop import CLIENT, JOB

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).parents[1] / "programs" / "trainings" / "descends.py"
STEPS, WAITS = 60, 30


@pytest.fixture
def training(laptop):
    """A small training with its total and losses in the log, which waits at half its steps."""
    shutil.copy(PROGRAM, laptop.repo)
    for command in (["git", "add", "-A"], ["git", "commit", "-q", "-m", "a training that says its loss"]):
        subprocess.run(command, cwd=laptop.repo, env=laptop.env, check=True)
    command = f"exec python3 descends.py --steps {STEPS} --wait-at {WAITS}"
    source = laptop.source or str(laptop.repo)
    argv = ["up", "--local", "--job", JOB, "--repo", source, "--command", command]
    return laptop.start(CLIENT, *argv, steps=STEPS)


def test_a_real_training_on_one_screen(training, laptop):
    """Amid the run there are the step, its total, the loss's curve, a pace, an end and the money."""

    def half_way():
        status = training.status()
        told = (status.get("status") or {}).get("progress") or {}
        return status if told.get("step") == WAITS else None

    status = wait_for(f"step {WAITS} in the status; up said:\n{training.told.read_text()}", half_way)
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
    pid = status["job"]["attempts"][-1]["pid"]
    laptop.simulator.kill(status["id"], pid, signal.SIGUSR1)
    assert watching.wait(90) == 0, seen.read_text()
    assert "phase: running" in seen.read_text()
    assert "outcome     succeeded" in seen.read_text(), "whoever watches sees the end"
    assert f"step {STEPS} of {STEPS}" in seen.read_text()
    assert "was not seen here" not in seen.read_text()
