"""Pods whose workspace is read-only, missing, hanging or lost: /healthz answers, the deadline stays where it was."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.fakes import hung_mount
from tests.image.container import Container
from tests.image.fixtures import ROOT
from tests.image.pod import health, runpod, told
from tests.live import wait_for

__all__ = ["runpod"]  # a fixture
pytestmark = [pytest.mark.docker, pytest.mark.slow]
HOURS = "0.008"  # half a minute
KEEP = {"POD_ON_FINISH": "keep", "POD_ON_FAILURE": "keep", "POD_MAX_HOURS": HOURS}
JOB = ("bash", "-c", "echo it runs; sleep 3600")
needs_fuse = pytest.mark.skipif(
    not hung_mount.is_possible(), reason="needs root and /dev/fuse for a mount that hangs"
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    place = tmp_path / "volumes" / "workspace"
    place.mkdir(parents=True)
    return place


def the_deadline_stops(pod: Container, runpod) -> None:
    """Nothing else does: the policies keep."""
    assert wait_for("/healthz", lambda: health(pod))["alive"]
    wait_for("the stop", lambda: runpod.stops, within_s=240)
    assert health(pod)["phase"] == "stopping"
    assert "deadline" in pod.status()["stops_because"]
    assert pod.state()["Status"] == "running"


def test_a_read_only_volume(engine, built_image, workspace, runpod):
    """The job fails with the reason, keeps the pod as it was asked to, and the deadline stops it."""
    env = told(runpod, **KEEP)
    with Container(engine, built_image.id, *JOB, mounts={workspace: "/workspace:ro"}, **env) as pod:
        status = pod.reaches("finished")
        assert status["job"]["outcome"] == "failed"
        assert "workspace" in status["job"]["reason"]
        the_deadline_stops(pod, runpod)


def test_a_missing_volume(engine, built_image, runpod):
    """Nothing is mounted, and nothing is uploaded: what the job makes would be lost, so it does not begin."""
    with Container(engine, built_image.id, *JOB, **told(runpod, **KEEP)) as pod:
        status = pod.reaches("finished")
        assert status["job"]["outcome"] == "failed"
        assert "POD_EPHEMERAL" in f"{status['job']['reason']} {status['job']['remedy']}"
        the_deadline_stops(pod, runpod)
        assert "it runs" not in pod.logs()


def test_a_volume_that_is_lost(engine, built_image, workspace, runpod):
    """Killed, and back beside an empty volume: the order is begun anew, whole; what the deadline was it stays."""
    command = ("pod-agent", "run", "--job", "t", "--resume=--resume {checkpoint}", "--")
    command += ("python3", "/programs/trainer.py", "--steps", "14", "--wait-at", "12")
    mounts = {workspace: "/workspace", ROOT / "tests" / "programs": "/programs:ro"}
    with Container(engine, built_image.id, *command, mounts=mounts, **told(runpod, POD_MAX_HOURS="5")) as pod:
        pod.says("step 12\n")
        before = pod.status()
        assert before["deadline_at"]
        pod.docker("kill")
        assert (workspace / "checkpoints" / "step-0010.pkl").exists()
        for lost in workspace.iterdir():
            shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
        pod.docker("start")
        pod.says("step 12\n")
        after = pod.status()
        assert after["deadline_at"] == before["deadline_at"]
        assert len(after["job"]["attempts"]) == 1
        assert runpod.stops == []
        pod.inside("pkill", "-USR1", "-f", "^python3 /programs/trainer.py")
        wait_for("the stop", lambda: runpod.stops)
        assert pod.status()["job"]["outcome"] == "succeeded"
    log = (workspace / ".podkeep" / "jobs" / "t" / "log").read_text()
    assert re.findall(r"^starting at step (\d+)", log, re.MULTILINE) == ["0"]
    assert "done at step 14\nEXIT_CODE=0\n" in log


@needs_fuse
def test_a_volume_that_hangs_from_the_start(engine, built_image, workspace, runpod):
    """Nothing of it can be read or written from the container's first moment on."""
    env = told(runpod, **KEEP, POD_WORKSPACE="/volumes/workspace")
    with (
        hung_mount.hung(workspace),
        Container(engine, built_image.id, *JOB, mounts={workspace.parent: "/volumes"}, **env) as pod,
    ):
        the_deadline_stops(pod, runpod)


@needs_fuse
def test_a_volume_that_hangs_amid_the_training(engine, built_image, workspace, runpod):
    """The training goes on, unseen; an agent that is killed meanwhile comes back; the deadline is where it was."""
    env = told(runpod, **KEEP)
    with Container(engine, built_image.id, *JOB, mounts={workspace: "/workspace"}, **env) as pod:
        pod.says("it runs")
        deadline = pod.status()["deadline_at"]
        with hung_mount.hung_inside(pod.state()["Pid"], "/workspace"):
            first = pod.agent()
            pod.inside("kill", "-9", first)
            wait_for("another agent", lambda: pod.agent() != first)
            assert wait_for("/healthz", lambda: health(pod))["alive"]
            kept = wait_for("its deadline", lambda: (pod.status() or {}).get("deadline_at"))
            assert kept == deadline
            the_deadline_stops(pod, runpod)


@needs_fuse
def test_a_stop_beside_a_volume_that_hangs(engine, built_image, workspace):
    """TERM ends agent and entrypoint by themselves: nobody has to kill them, whatever waits for the volume."""
    env = {"POD_WORKSPACE": "/volumes/workspace", "POD_ON_FAILURE": "keep"}
    with (
        hung_mount.hung(workspace),
        Container(engine, built_image.id, *JOB, mounts={workspace.parent: "/volumes"}, **env) as pod,
    ):
        wait_for("/healthz", lambda: health(pod))
        pod.docker("stop", "--time", "120")
        assert pod.state()["ExitCode"] == 0, pod.logs()
