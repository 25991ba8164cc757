"""A pod of either kind that has lost its GPU: its job fails before it begins, and the pod switches itself off."""

from __future__ import annotations

import pytest

from tests.live import wait_for
from tests.story.templates import TemplatePod

pytestmark = pytest.mark.slow
RAN = {"POD_COMMAND": "touch /workspace/ran; sleep 600", "POD_RESUME": ""}


def test_a_pod_whose_gpu_is_gone_never_trains(runpod):
    """RunPod promises one GPU and the driver has none: failed in seconds, stopped, and nothing has run."""
    pod = TemplatePod.create(runpod, {**RAN, "PODKEEP_PRETENDED_GPUS": "0"})
    pod.switches_itself_off()
    assert pod.left().job["outcome"] == "failed"
    assert pod.left().job["reason"] == "this pod has 0 of its 1 GPUs"
    assert "--new-pod" in pod.left().job["remedy"]
    assert not (pod.mount / "ran").exists()


def test_a_pod_that_comes_back_without_its_gpu_stops_again(runpod):
    """RunPod counts no GPU any more, but its record names one: the interrupted training is not gone on with."""
    pod = TemplatePod.create(runpod, RAN)
    wait_for("the training", (pod.mount / "ran").exists)
    runpod.call("POST", f"/v2/pods/{pod.id}/action", {"action": "stop"})
    wait_for("the stop", lambda: runpod.pod(pod.id)["runtime"] is None)
    (pod.mount / "ran").unlink()
    assert runpod.call("POST", "/sim/faults", {"start": ["no_gpu"]})[0] < 300
    runpod.call("POST", f"/v2/pods/{pod.id}/action", {"action": "start"})
    reason = "this pod came back without its GPU"
    wait_for("the verdict", lambda: pod.left().job.get("reason") == reason)
    pod.switches_itself_off()
    assert not (pod.mount / "ran").exists()
