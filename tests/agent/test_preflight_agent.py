"""A real agent with a driver's library of ours: what is wrong with the pod ends the job before its training begins."""

from __future__ import annotations

import pytest

from tests.agent.agent_process import AgentProcess
from tests.fakes import nvml
from tests.live import wait_for
from tests.promises import by_cause

pytestmark = pytest.mark.slow

TAKEN = "gpu 0 85899345920 75161927680 1"  # 70 of 80 GiB
LOST = "gpu 15 0 0 0"


@pytest.fixture
def pod(driver, tmp_path):
    made = []

    def make(*facts, count=1, command="touch ran; echo trained", **env):
        driver.say(*facts)
        env = {"RUNPOD_GPU_COUNT": str(count), "POD_COMMAND": command, **driver.environment, **env}
        agent = AgentProcess(tmp_path, **env)
        made.append(agent)
        return agent, driver

    yield make
    for one in made:
        one.close()


def over(status):
    return status["job"] is not None and status["job"]["outcome"] is not None


def test_a_pod_without_its_gpus_ends_the_job(pod):
    """One GPU of two: failed with reason and remedy, in status and log, and the training never ran."""
    agent, _ = pod(nvml.GPU, count=2)
    status = agent.start().until("the end", over)
    job = status["job"]
    by_cause()["fewer GPUs than the pod is billed for"].assert_kept_by(job)
    assert job["reason"] == "this pod has 1 of its 2 GPUs"
    assert job["attempts"] == []
    assert not list(agent.workspace.rglob("ran"))
    assert b"podkeep: failed: this pod has 1 of its 2 GPUs" in agent.log()


def test_a_slow_install_is_not_waited_for(pod, tmp_path):
    """The verdict ends the job while its environment is still being made."""
    begun = tmp_path / "begun"
    agent, driver = pod("wait 1", "init 18", POD_SETUP=f"touch {begun}; sleep 600")
    agent.start()
    wait_for("the install", begun.exists)
    (driver.folder / "go").touch()
    job = agent.until("the end", over)["job"]
    assert (job["outcome"], job["attempts"]) == ("failed", [])
    assert "of different versions" in job["reason"]


def test_a_good_pod_trains_and_odd_things_are_in_the_status(pod):
    """All GPUs there, CUDA somewhat newer in the image: it trains, with the warning in status and log."""
    agent, _ = pod(nvml.GPU, "cuda 12040", CUDA_VERSION="12.8.1")
    status = agent.start().until("the end", over)
    assert status["job"]["outcome"] == "succeeded"
    assert any("built for CUDA 12.8" in text for text in status["warnings"])
    assert b"podkeep: warning: the image is built for CUDA 12.8" in agent.log()


def test_memory_of_the_container_before_is_waited_for(pod):
    """Taken when the agent looks, free some seconds later: the job just begins a little later."""
    agent, driver = pod(TAKEN)
    agent.start()
    wait_for("a second look", lambda: driver.looks() > 1)
    driver.say(nvml.GPU)
    assert agent.until("the end", over)["job"]["outcome"] == "succeeded"


@pytest.fixture
def watched(pod, tmp_path):
    """An attempt that kills itself once there is a file "gone", on a pod whose GPU is seen; it may be repeated."""
    command = f"until [ -e {tmp_path}/gone ]; do sleep 0.1; done; kill -KILL $$"
    agent, driver = pod(nvml.GPU, command=command, POD_RESUME="", POD_MAX_RESTARTS="3")
    agent.start().until("it trains beside its GPU", lambda now: now["gpus"] and now["phase"] == "running")
    return agent, driver


def test_a_gpu_that_falls_off_while_it_is_watched_is_named_at_once(watched, tmp_path):
    """The driver is asked once more after the end of what it brought down."""
    agent, driver = watched
    driver.say(LOST)
    (tmp_path / "gone").touch()
    job = agent.until("the end", over)["job"]
    assert job["reason"].startswith("the GPU or its driver failed: GPU 0 is lost; then killed by signal KILL")
    assert len(job["attempts"]) == 1


def test_a_gpu_that_falls_off_unseen_is_named_at_the_next_attempt(watched, tmp_path):
    """An attempt that was killed may be repeated, but not without the GPU. Whoever watches it hangs in the driver."""
    agent, driver = watched
    driver.say(nvml.GPU, "hang 1")
    agent.until("no word of the GPU", lambda status: not status["gpus"])
    driver.say(LOST)
    (tmp_path / "gone").touch()
    job = agent.until("the end", over)["job"]
    assert job["reason"] == "this pod has 0 of its 1 GPUs: GPU 0 has fallen off the bus"
    assert len(job["attempts"]) == 1


def test_a_container_that_comes_back_keeps_its_warnings(pod):
    """The next agent of the boot finds the training alive, looks at nothing, and still knows what was odd."""
    agent, driver = pod(nvml.GPU, "cuda 12040", CUDA_VERSION="12.8.1", command="sleep 600")
    agent.start().until("running", lambda status: (status["job"] or {}).get("phase") == "running")
    wait_for("kept", (agent.folder / "disk" / "preflight.json").exists)
    agent.kill()
    driver.say("init 9")
    status = agent.start().until("the warning", lambda now: now["warnings"] and now["job"])
    assert any("built for CUDA 12.8" in text for text in status["warnings"])
    assert status["job"]["phase"] == "running"
