"""Lives of real containers: stopped during training, killed, started again. The workspace is a mount, as a pod's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.image.container import Container
from tests.image.fixtures import ROOT
from tests.live import wait_for

pytestmark = pytest.mark.docker

PROGRAMS = ROOT / "tests" / "programs"
TALKS = """
import os, signal, sys, time

def say(text):
    os.write(1, text.encode() + b"\\n")
    os.write(record, text.encode() + b"\\n")

def leave(*_):
    say("the last word")
    os._exit(0)

record = os.open("record", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
signal.signal(signal.SIGTERM, leave)
for number in range(1 << 30):
    say(f"line {number} {'x' * 200}")
    time.sleep(0.01)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    place.mkdir()
    return place


def log_of(workspace: Path) -> str:
    (log,) = workspace.glob(".podkeep/jobs/*/log")
    return log.read_text()


def trainer(engine, built_image, workspace, *words: str, **env: str) -> Container:
    command = ["pod-agent", "run", "--job", "t", "--resume=--resume {checkpoint}", "--"]
    command += ["python3", "/programs/trainer.py", *words]
    mounts = {workspace: "/workspace", PROGRAMS: "/programs:ro"}
    return Container(engine, built_image.id, *command, mounts=mounts, **env)


def amid(pod: Container, workspace: Path) -> None:
    """Wait until it waits at step 12, and the mark is there by which a later attempt knows that it need not."""
    pod.says("step 12\n")
    wait_for("its mark", (workspace / "waited-12").exists)


def test_a_stop_loses_no_byte_of_the_log(engine, built_image, workspace):
    """`docker stop`: all ends by itself, and what the job wrote, its last word included, is in the log."""
    (workspace / "talks.py").write_text(TALKS)
    record = workspace / "record"
    command = ("python3", "talks.py")
    with Container(engine, built_image.id, *command, mounts={workspace: "/workspace"}) as pod:
        pod.says("line 300 ")
        pod.docker("stop", "--time", "120")
        assert (pod.state()["Status"], pod.state()["ExitCode"]) == ("exited", 0), pod.logs()
    written = record.read_bytes()
    assert len(written) > 60_000
    assert written in log_of(workspace).encode()
    assert written.endswith(b"the last word\n")


def test_a_killed_container_resumes_where_it_was(engine, built_image, workspace):
    """`docker kill` amid a training, then `docker start`: it goes on from the newest whole checkpoint."""
    with trainer(
        engine, built_image, workspace, "--steps", "20", "--wait-at", "12", POD_ON_FINISH="exit"
    ) as pod:
        amid(pod, workspace)
        pod.docker("kill")
        pod.docker("start")
        assert pod.ended() == 0, pod.logs()
    log = log_of(workspace)
    assert re.findall(r"^starting at step (\d+)", log, re.MULTILINE) == ["0", "10"]
    assert "done at step 20\nEXIT_CODE=0\n" in log


def test_another_container_resumes_on_the_same_workspace(engine, built_image, workspace):
    """The container is lost, its disk with it; a new one on the same mount goes on."""
    words = ("--steps", "20", "--wait-at", "12")
    with trainer(engine, built_image, workspace, *words, POD_ON_FINISH="exit") as pod:
        amid(pod, workspace)
        pod.docker("kill")
    with trainer(engine, built_image, workspace, *words, POD_ON_FINISH="exit") as pod:
        assert pod.ended(within_s=200) == 0, pod.logs()
    assert re.findall(r"^starting at step (\d+)", log_of(workspace), re.MULTILINE) == ["0", "10"]


def test_a_stopped_container_goes_on_when_it_is_started(engine, built_image, workspace):
    """`docker stop` and `docker start`, as a pod that is stopped and started: interrupted, then resumed."""
    with trainer(
        engine, built_image, workspace, "--steps", "20", "--wait-at", "12", POD_ON_FINISH="exit"
    ) as pod:
        amid(pod, workspace)
        pod.docker("stop", "--time", "5")
        pod.docker("start")
        assert pod.ended() == 0, pod.logs()
    assert re.findall(r"^starting at step (\d+)", log_of(workspace), re.MULTILINE) == ["0", "10"]


def test_a_finished_job_is_not_run_again(engine, built_image, workspace):
    """A container that is killed and started after its job: the job stays finished."""
    command = ("bash", "-c", "echo ran >>/workspace/count")
    with Container(
        engine, built_image.id, *command, mounts={workspace: "/workspace"}, POD_ON_FINISH="keep"
    ) as pod:
        pod.reaches("finished")
        pod.docker("kill")
        pod.docker("start")
        status = pod.reaches("finished")
        assert status["job"]["outcome"] == "succeeded"
        assert (workspace / "count").read_text() == "ran\n"


def test_a_job_that_failed_is_not_run_again(engine, built_image, workspace):
    """A one-shot that fails ends the container with its code, and a restart of the container does not try it again."""
    command = ("bash", "-c", "echo ran >>/workspace/count; exit 4")
    with Container(
        engine, built_image.id, *command, mounts={workspace: "/workspace"}, POD_ON_FAILURE="exit"
    ) as pod:
        assert pod.ended() == 4, pod.logs()
        first = pod.state()["StartedAt"]
        pod.docker("start")
        assert pod.ended() == 4, pod.logs()
        assert pod.state()["StartedAt"] > first
        assert (workspace / "count").read_text() == "ran\n"
        assert log_of(workspace).count("EXIT_CODE=4\n") == 1


def test_a_killed_agent_is_started_again_beside_its_training(engine, built_image, workspace):
    """The agent is killed: the entrypoint starts another, and the same attempt goes on to its end."""
    with trainer(
        engine, built_image, workspace, "--steps", "14", "--wait-at", "12", POD_ON_FINISH="exit"
    ) as pod:
        amid(pod, workspace)
        first = pod.agent()
        pod.inside("kill", "-9", first)
        wait_for("another agent", lambda: pod.agent() != first)
        pod.inside("pkill", "-USR1", "-f", "^python3 /programs/trainer.py")
        assert pod.ended() == 0, pod.logs()
    assert re.findall(r"^starting at step (\d+)", log_of(workspace), re.MULTILINE) == ["0"]
