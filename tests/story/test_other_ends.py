"""What else may happen to a job under the real agent: each line of the second table in docs/outcomes.md comes true."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import promises
from tests.live import wait_for
from tests.story.bare_agent import BareAgent

pytestmark = pytest.mark.slow
PROMISES = promises.by_cause()
RESUMES = {"resume": "--resume {checkpoint}"}
CASES: dict[str, tuple[str, dict[str, object]]] = {
    "exit code 127": ("pyhton train.py", {}),
    "exit code 126": ("/etc/passwd", {}),
    "another exit code, no way to resume": ("exit 1", {}),
    "another exit code, restarts left, no newer checkpoint": ("false", RESUMES),
    "killed from outside, no way to resume": ("kill -9 $$", {}),
    "the last restart is used": ("kill -9 $$; false {resume}", RESUMES),
}
ELSEWHERE = Path(__file__).with_name("test_bad_input.py")  # on pods of a template


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareAgent]:
    with BareAgent(tmp_path_factory.mktemp("agent")) as running:
        yield running


def test_every_line_is_tried():
    """A line of the table that no test lets come true is a promise that nobody keeps."""
    here = Path(__file__).read_text() + ELSEWHERE.read_text()
    assert [cause for cause in PROMISES if f'"{cause}"' not in here] == []


@pytest.mark.parametrize("cause", CASES)
def test_an_end_is_as_promised(agent, cause):
    """A job that ends so has the outcome, reason and remedy of its line."""
    command, fields = CASES[cause]
    name = "-".join(cause.replace(",", "").split())
    agent.give(name, command, **fields)
    job = agent.end_of(name)
    PROMISES[cause].assert_kept_by(job)
    assert len(job["attempts"]) == (4 if "restart is" in cause else 1)


def test_a_lost_keeper_and_its_training(agent):
    """Keeper and training killed at once: nobody saw the exit, so success is not assumed."""
    agent.give("lost", "echo begun; sleep 600")
    agent.says(b"begun\n")
    training = wait_for("the training's pid", lambda: agent.status()["job"]["attempts"][-1]["pid"])
    for pid in (int((agent.folder / "run" / "keeper.pid").read_text().split()[0]), training):
        os.kill(pid, signal.SIGKILL)
    PROMISES["the keeper or the container was lost, no way to resume"].assert_kept_by(agent.end_of("lost"))


def test_a_training_that_goes_down_with_its_pod(tmp_path):
    """No agent lives when PID 1 tells the keeper, and the training exits well: that is no success."""
    command = "trap 'exit 0' TERM; echo begun; while :; do sleep 0.05; done"
    env = {"POD_JOB": "taken", "POD_COMMAND": command, "POD_ON_FAILURE": "keep"}
    with BareAgent(tmp_path, **env) as agent:
        agent.says(b"begun\n")
        pidfile = agent.folder / "run" / "keeper.pid"
        keeper = int(pidfile.read_text().split()[0])
        os.kill(agent.pid, signal.SIGKILL)
        os.kill(keeper, signal.SIGTERM)
        wait_for("the keeper has gone", lambda: not pidfile.exists())
    with BareAgent(tmp_path, **env) as agent:
        job = agent.end_of("taken")
        PROMISES["taken with its pod while no agent lived, no way to resume"].assert_kept_by(job)


def test_the_deadline(tmp_path):
    """When the hours are over the job is ended, whatever its exit policy, and the pod is to be stopped."""
    env = {"POD_JOB": "long", "POD_COMMAND": "sleep 600", "POD_MAX_HOURS": "0.0007", "POD_ON_FINISH": "keep"}
    env |= {
        "RUNPOD_POD_ID": "pod-a",
        "POD_RUNPOD_URL": "http://127.0.0.1:9/v2",
    }  # elsewhere it would just leave
    with BareAgent(tmp_path, **env) as agent:
        PROMISES["the deadline passed"].assert_kept_by(agent.end_of("long"))
        wait_for("stopping", lambda: agent.status()["phase"] == "stopping")


def test_the_budget(tmp_path):
    """The same by dollars; whoever comes back to the spent run ends it again, and begins no attempt."""
    env = {"POD_JOB": "dear", "POD_COMMAND": "sleep 600", "POD_ON_FAILURE": "keep", "POD_MAX_COST": "60"}
    env |= {"POD_PRICE": "100000", "RUNPOD_POD_ID": "pod-a", "POD_RUNPOD_URL": "http://127.0.0.1:9/v2"}
    with BareAgent(tmp_path, **env) as agent:
        PROMISES["the budget is spent"].assert_kept_by(agent.end_of("dear"))
        wait_for("stopping", lambda: agent.status()["phase"] == "stopping")
        begun = len(agent.status()["job"]["attempts"])
    shutil.rmtree(tmp_path / "disk", ignore_errors=True)
    with BareAgent(tmp_path, RUNPOD_POD_HOSTNAME="after-a-stop", **env) as agent:
        job = agent.end_of("dear")
        PROMISES["the budget is spent"].assert_kept_by(job)
        assert len(job["attempts"]) == begun


def test_a_budget_without_a_price(tmp_path):
    """Nobody can keep it, so nothing of the job runs."""
    env = {"POD_JOB": "capped", "POD_COMMAND": "touch ran", "POD_ON_FAILURE": "keep", "POD_MAX_COST": "5"}
    with BareAgent(tmp_path, **env) as agent:
        job = agent.end_of("capped")
        PROMISES["a budget, and nobody knows the price"].assert_kept_by(job)
        assert job["attempts"] == []
        assert not (agent.workspace / "ran").exists()


def test_a_pod_that_lost_a_gpu(tmp_path):
    """A pod with fewer GPUs than it is billed for fails its job before anything of it runs."""
    env = {"RUNPOD_GPU_COUNT": "2", "PODKEEP_PRETENDED_GPUS": "1"}
    env |= {"POD_JOB": "dear", "POD_COMMAND": "touch ran", "POD_ON_FAILURE": "keep"}
    with BareAgent(tmp_path, **env) as agent:
        job = agent.end_of("dear")
        PROMISES["fewer GPUs than the pod is billed for"].assert_kept_by(job)
        assert job["attempts"] == []
        assert not (agent.workspace / "ran").exists()


def test_a_second_pod(tmp_path):
    """A second pod that finds the job's folder alive fails, names the other, and leaves its job in peace."""
    (tmp_path / "other").mkdir()
    with BareAgent(tmp_path, RUNPOD_POD_ID="first", POD_JOB="shared", POD_COMMAND="sleep 600") as first:
        wait_for("an attempt", lambda: (first.status()["job"] or {}).get("attempts"))
        env = {
            "RUNPOD_POD_ID": "second",
            "POD_JOB": "shared",
            "POD_COMMAND": "touch ran",
            "POD_WORKSPACE": str(first.workspace),
            "POD_ON_FAILURE": "keep",
        }
        with BareAgent(tmp_path / "other", **env) as second:
            job = second.end_of("shared")
        PROMISES["another pod works on this job"].assert_kept_by(job)
        assert "pod first" in job["reason"]
        assert not (first.workspace / "ran").exists()
        assert first.status()["job"]["phase"] == "running"
