"""Pods whose agent dies at every start are stopped all the same, and not while their training goes on."""

from __future__ import annotations

import json
import shlex
import sys
import time

import pytest

from tests.live import wait_for
from tests.story.seen import Seen
from tests.story.templates import JOB, TemplatePod

pytestmark = pytest.mark.slow
UNDER_KEEPER = "goes on under its keeper"


def breakable(folder, test):
    """A stand-in for the agent's Python whose agent cannot import once the shell's test says so."""
    path = folder / "python"
    python = shlex.quote(sys.executable)
    path.write_text(
        f'#!/bin/bash\nif [ "$1 $2 $3" = "-I -m pod_agent" ] && {test}; then\n'
        f'  exec {python} -c "import pod_agent.no_such_module"\nfi\nexec {python} "$@"\n'
    )
    path.chmod(0o755)
    return str(path)


def test_an_agent_that_cannot_import_gets_the_pod_stopped(simulator, tmp_path):
    """Its job never begins, nobody can ask it anything, and the pod is off by itself; the console says why."""
    env = {"PODKEEP_PYTHON": breakable(tmp_path, "true"), "POD_COMMAND": "echo never"}
    pod = TemplatePod.create(simulator, env)
    pod.switches_itself_off(watched=False)
    said = pod.console()
    assert "ModuleNotFoundError" in said
    assert "LAST RESORT: the agent died 6 times, last with code 1; nothing trains here" in said
    # whether it could still say who took it is a race with its end
    assert "asking for the stop by v2 stop" in said


def test_an_agent_that_crashes_twice_and_then_works_is_not_stopped(simulator, tmp_path):
    """Its job runs once and ends well."""
    test = 'n=$(cat /workspace/starts 2>/dev/null || echo 0) && echo $((n + 1)) >/workspace/starts && [ "$n" -lt 2 ]'
    env = {"PODKEEP_PYTHON": breakable(tmp_path, test), "POD_COMMAND": "echo well"}
    pod = TemplatePod.create(simulator, env)
    pod.switches_itself_off(watched=False)
    assert (pod.mount / "starts").read_text().strip() == "3"
    assert pod.left().job["outcome"] == "succeeded"
    assert "LAST RESORT" not in pod.console()


@pytest.fixture
def training(simulator, tmp_path):
    """A pod whose training goes on under its keeper, and whose agent cannot begin any more."""
    test = "[ -e /workspace/broken ]"
    env = {
        "PODKEEP_PYTHON": breakable(tmp_path, test),
        "POD_COMMAND": "until [ -e /workspace/on ]; do sleep 0.1; done; echo well",
        "POD_MAX_HOURS": "5",
    }
    pod = TemplatePod.create(simulator, env)
    seen = Seen(simulator, pod.id, JOB)
    seen.begins(1)
    (pod.mount / "broken").touch()
    seen.kill_agent()
    wait_for("the last resort", lambda: UNDER_KEEPER in pod.console())
    return pod


def test_a_training_is_not_stopped_with_its_agent(simulator, training):
    """It goes on to its end, without any agent; then the pod is stopped."""
    assert simulator.pod(training.id)["status"] == "RUNNING"
    (training.mount / "on").touch()
    training.switches_itself_off(watched=False)
    assert b"\nwell\n" in training.left().log


def test_the_deadline_holds_without_an_agent(simulator, training):
    """The moment that the agent had kept on the container's disk stops the pod, training or not."""
    path = simulator.state / "pods" / training.id / "disk" / "podkeep" / "deadline.json"
    kept = json.loads(path.read_bytes())
    every = [{**one, "at": time.time() - 1, "mono": time.monotonic() - 1} for one in kept["every"]]
    path.write_text(json.dumps({**kept, "at": time.time() - 1, "every": every}))
    training.switches_itself_off(watched=False)
    assert "the deadline has passed" in training.console()
    assert b"\nwell\n" not in training.left().log


def test_an_agent_that_comes_back_finds_its_training(simulator, training):
    """What kept it from beginning is gone: the same attempt is followed to its end, and nothing was stopped."""
    (training.mount / "broken").unlink()
    wait_for("an agent that answers", lambda: training.ask("/status"))
    (training.mount / "on").touch()
    training.switches_itself_off(watched=False)
    left = training.left()
    assert left.job["outcome"] == "succeeded"
    assert len(left.state["attempts"]) == 1
    assert "asking for the stop" not in training.console()


def test_keep_is_heard_without_an_agent(simulator, tmp_path):
    """POD_ON_FAILURE=keep: the pod stays for its idle minutes, and the console says for how long."""
    env = {
        "PODKEEP_PYTHON": breakable(tmp_path, "true"),
        "POD_COMMAND": "echo never",
        "POD_ON_FAILURE": "keep",
        "POD_IDLE_MINUTES": "0.8",  # the sixth death comes after eight seconds of pauses, and twelve programs
    }
    pod = TemplatePod.create(simulator, env)
    wait_for("the last resort", lambda: "keep is asked for: the pod is stopped in 1 minutes" in pod.console())
    assert simulator.pod(pod.id)["status"] == "RUNNING"
    pod.switches_itself_off(watched=False)
    assert "0.8 idle minutes are over" in pod.console()
