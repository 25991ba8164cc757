"""A workspace that hangs, is missing, or was lost: /healthz answers, and the deadline still stops the pod."""

from __future__ import annotations

import json
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import replace
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from pod_agent.pod import brakes, marks
from tests import busy
from tests.agent.agent_process import AgentProcess, is_alive
from tests.fakes import hung_mount
from tests.live import wait_for

pytestmark = pytest.mark.slow
needs_fuse = pytest.mark.skipif(
    not hung_mount.is_possible(), reason="needs root and /dev/fuse for a mount that hangs"
)


@pytest.fixture
def pod(tmp_path, server):
    """Make a pod's agent; by default it keeps, so that nothing but a deadline or idleness stops it."""
    made = []

    def make(**env):
        known = {
            "RUNPOD_POD_ID": "pod-a",
            "RUNPOD_API_KEY": "a-key-of-the-pod",
            "POD_RUNPOD_URL": f"{server.url}/v2",
            "POD_EPHEMERAL": "1",
            "POD_COMMAND": "sleep 600",
        }
        made.append(AgentProcess(tmp_path, **{**known, **env}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def healthy(pod):
    """What /healthz says; None while nobody answers."""
    with (
        suppress(URLError, ConnectionError, TimeoutError),
        urlopen(f"http://127.0.0.1:{pod.port}/healthz", timeout=5) as said,
    ):
        return json.loads(said.read())
    return None


def running(status):
    return status["phase"] == "running" and status["job"]["attempts"][-1]["pid"]


@needs_fuse
def test_a_workspace_that_hangs_from_the_start(pod, server):
    """Nothing of it can be read: the job cannot begin, /healthz answers, and the deadline stops the pod."""
    agent = pod(POD_MAX_HOURS="0.006")
    with hung_mount.hung(agent.workspace):
        agent.start(entrypoint=True)
        assert wait_for("/healthz", lambda: healthy(agent))["alive"]
        wait_for("the stop", lambda: server.stops)
        assert wait_for("/healthz", lambda: healthy(agent))["phase"] == "stopping"
        assert "deadline" in agent.status()["stops_because"]
        agent.kill()


@needs_fuse
def test_a_workspace_that_hangs_amid_the_training(pod, server):
    """The training goes on, /healthz answers, and the deadline ends both."""
    agent = pod(POD_MAX_HOURS="0.006").start(entrypoint=True)
    agent.until("running", running)
    with hung_mount.hung(agent.workspace):
        assert wait_for("/healthz", lambda: healthy(agent))["alive"]
        wait_for("the stop", lambda: server.stops, within_s=240)  # its log cannot be written: a minute
        assert wait_for("/healthz", lambda: healthy(agent))["alive"]
        agent.kill()


@needs_fuse
def test_an_agent_that_begins_beside_a_hung_workspace_keeps_the_deadline(pod, server):
    """It was set before; what lies on the container's disk is enough, and it moves by nothing."""
    agent = pod(POD_MAX_HOURS="1").start()
    agent.until("running", running)
    path = agent.folder / "disk" / "deadline.json"
    (kept,) = brakes.load(path.read_bytes())
    agent.kill()
    path.write_bytes(brakes.dump(replace(kept, at=time.time() + 8, mono=None)))
    with hung_mount.hung(agent.workspace):
        agent.start()
        assert wait_for("/healthz", lambda: healthy(agent))["alive"]
        wait_for("the stop", lambda: server.stops, within_s=120)
        agent.kill()


@needs_fuse
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_it_outlives_a_stop_beside_a_hung_workspace(pod, number):
    """TERM ends agent and entrypoint by themselves though threads wait for the mount; a kill spares none."""
    agent = pod()
    with hung_mount.hung(agent.workspace):
        agent.start(entrypoint=True)
        wait_for("/healthz", lambda: healthy(agent))
        pid = marks.agent(agent.folder / "run")
        assert agent.kill(number) == (0 if number == signal.SIGTERM else -number)
        wait_for("its end", lambda: not is_alive(pid))


@needs_fuse
@pytest.mark.parametrize(
    "command", ["exec sleep 600", "trap '' TERM; while :; do echo word; sleep 0.01; done"]
)
def test_a_training_beside_a_hung_workspace_is_gone_before_the_kill(pod, command):
    """TERM amid a training: it is hurried, the pod ends by itself within RunPod's five seconds, the end is kept."""
    agent = pod(POD_COMMAND=command).start(entrypoint=True)
    training = agent.until("running", running)["job"]["attempts"][-1]["pid"]
    with hung_mount.hung(agent.workspace):
        watch = busy.Watch()
        assert agent.kill(signal.SIGTERM) == 0
        assert not watch.was_too_long(15)
        assert time.monotonic() - watch.began < 30  # four on a quiet machine; sixty and more before
        assert not is_alive(training)
        kept = agent.folder / "disk" / "jobs" / "demo" / "state.json"
        assert json.loads(kept.read_bytes())["ending"]["outcome"] == "interrupted"


@needs_fuse
def test_the_last_resort_waits_for_no_workspace(pod, server, tmp_path):
    """An agent that cannot begin, beside a workspace that hangs: the pod is stopped all the same."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    agent = pod(PODKEEP_PYTHON=str(broken), POD_ON_FINISH="", POD_ON_FAILURE="")
    with hung_mount.hung(agent.workspace):
        agent.start(entrypoint=True)
        wait_for("the stop", lambda: server.stops)
        agent.kill()


def test_a_missing_workspace(pod, server, tmp_path):
    """Where it should lie is a file: the job fails with the reason, and the deadline stops the pod."""
    (tmp_path / "file").touch()
    agent = pod(POD_WORKSPACE=str(tmp_path / "file" / "workspace"), POD_MAX_HOURS="0.004").start(
        entrypoint=True
    )
    status = agent.until("failed", lambda status: (status["job"] or {}).get("outcome") == "failed")
    assert "workspace" in status["job"]["reason"]
    assert wait_for("/healthz", lambda: healthy(agent))["alive"]
    wait_for("the stop", lambda: server.stops)


def test_a_lost_workspace_is_a_new_one(pod):
    """Another volume lies there: the order that stands is begun anew on it, and the deadline of this boot stays."""
    agent = pod(POD_MAX_HOURS="2", POD_COMMAND="echo on").start()
    first = agent.until("finished", lambda status: status["phase"] == "finished")
    agent.kill()
    shutil.rmtree(agent.workspace)
    agent.workspace.mkdir()
    agent.start()
    again = agent.until("finished", lambda status: status["phase"] == "finished")
    assert again["boot"] == first["boot"]
    assert again["deadline_at"] == first["deadline_at"]
    assert again["job"]["log"]["id"] != first["job"]["log"]["id"]
