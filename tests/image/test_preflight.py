"""A container of the image as a pod that came without the GPU it is billed for: no training on the CPU by accident.

Not here: what a driver may answer (tests/agent/test_preflight*.py), a driver that is there (test_preflight_driver.py).
"""

from __future__ import annotations

import pytest

from tests.image.container import Container
from tests.image.pod import runpod, told
from tests.live import PATIENCE_S, wait_for
from tests.promises import by_cause

__all__ = ["runpod"]  # a fixture
pytestmark = pytest.mark.docker
ENDS_IN_S = PATIENCE_S  # a matter of seconds; the set-up beside it takes ten minutes


def test_a_pod_without_its_gpu_stops_itself(engine, built_image, tmp_path, runpod):
    """One GPU promised, no driver: the job fails with its reason amid its set-up, and the pod stops, sleep or not."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    promised = {
        "RUNPOD_GPU_COUNT": "1",
        "NVIDIA_VISIBLE_DEVICES": "void",  # a host with GPUs hands none in
        "POD_SETUP": "sleep 600",
        "POD_IDLE_MINUTES": "0",
    }
    command = ("bash", "-c", "touch /workspace/ran; echo it trains; sleep infinity")
    env = told(runpod, **promised)
    with Container(engine, built_image.id, *command, mounts={workspace: "/workspace"}, **env) as pod:
        wait_for("the stop", lambda: runpod.stops, ENDS_IN_S)
        job = pod.status()["job"]
        assert (job["outcome"], job["attempts"]) == ("failed", [])
        assert job["reason"] == "this pod has 0 of its 1 GPUs: NVIDIA's driver is not in the container"
        assert by_cause()["fewer GPUs than the pod is billed for"].remedy in job["remedy"]
        assert runpod.stops[0][1] == "/v2/pods/pod-a/action"
        assert "stop" in runpod.stops[0][3]
        assert f"podkeep: failed: {job['reason']}" in pod.get("/logs")[1].decode()
        assert pod.state()["Status"] == "running"
    assert not list(workspace.rglob("ran"))


def test_a_pod_that_was_promised_none_trains(engine, built_image, tmp_path, runpod):
    """A CPU pod in the same container: nothing is held against it, and it trains."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    env = told(runpod, RUNPOD_GPU_COUNT="0", NVIDIA_VISIBLE_DEVICES="void")
    with Container(engine, built_image.id, "echo it trains", mounts={workspace: "/workspace"}, **env) as pod:
        pod.says("it trains\nEXIT_CODE=0\n")
        wait_for("the stop", lambda: runpod.stops)
        assert pod.status()["job"]["outcome"] == "succeeded"
