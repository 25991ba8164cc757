"""Containers of the real image whose agent cannot import: the pod is stopped, but not while a training is kept."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.image.container import Container
from tests.image.pod import runpod, told
from tests.live import wait_for

__all__ = ["runpod"]  # a fixture
pytestmark = [pytest.mark.docker, pytest.mark.slow]
BREAK = "rm -r /opt/podkeep/lib/python3*/site-packages/pod_wire"
RECORDED = """curl=$(type -P curl); mv "$curl" "$curl.own"
printf '#!/bin/bash\\necho "$*" >>/tmp/words\\nexec "%s.own" "$@"\\n' "$curl" >"$curl"; chmod 755 "$curl";"""
UNDER_KEEPER = "goes on under its keeper"
TRAINING = "echo it runs; until [ -e /workspace/on ]; do sleep 0.1; done; echo the last word"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    place.mkdir()
    return place


def crash_loop(pod: Container, words: str) -> None:
    try:
        wait_for(words, lambda: words in pod.logs())
    except AssertionError as error:
        raise AssertionError(f"{error}: {pod.logs()}") from None


def test_an_agent_that_cannot_import_gets_the_pod_stopped(engine, built_image, runpod, tmp_path):
    """A package that is damaged from the start: no job, no /healthz, and the pod is asked to stop all the same."""
    (tmp_path / "damaged.py").write_text("import no_such_module\n")
    where = engine.run(
        "run", "--rm", "--entrypoint", "bash", built_image.id, "-c", "echo /opt/podkeep/lib/python3*"
    )
    mounts = {tmp_path / "damaged.py": f"{where.stdout.strip()}/site-packages/pod_agent/life.py:ro"}
    with Container(engine, built_image.id, "echo", "never", mounts=mounts, **told(runpod)) as pod:
        wait_for("the stop", lambda: runpod.stops)
        assert pod.state()["Status"] == "running"
        assert "ModuleNotFoundError: No module named 'no_such_module'" in pod.logs()
        assert "nothing trains here, and no agent can begin" in pod.logs()
        pod.docker("stop", "--time", "120")
        assert pod.state()["ExitCode"] == 0


def test_without_a_python_the_shell_stops_the_pod(engine, built_image, runpod):
    """Every Python of the container is gone: curl asks, and the key is neither among its words nor on the console."""
    gone = "rm -f $(type -ap python3 python) /opt/podkeep/bin/python*; exec /usr/bin/tini -s -- "
    command = f"{RECORDED} {gone} /opt/podkeep/share/podkeep/entrypoint.sh echo never"
    options = ("--entrypoint", "bash")
    with Container(engine, built_image.id, "-c", command, options=options, **told(runpod)) as pod:
        wait_for("the stop", lambda: runpod.stops)
        assert "and no Python is here" in pod.logs()
        words = pod.inside("cat", "/tmp/words")
        assert "/v2/pods/pod-a/action" in words
        assert "a-key-of-the-pod" not in words + pod.logs()


@pytest.fixture
def training(engine, built_image, workspace, runpod):
    """A training under its keeper, whose agent was killed and cannot begin any more."""
    env = told(runpod, POD_MAX_HOURS="5")
    with Container(
        engine, built_image.id, "bash", "-c", TRAINING, mounts={workspace: "/workspace"}, **env
    ) as pod:
        pod.says("it runs")
        pod.inside("bash", "-c", BREAK)
        pod.inside("kill", "-9", pod.agent())
        crash_loop(pod, UNDER_KEEPER)
        yield pod


def test_a_training_under_its_keeper_is_not_stopped(training, workspace, runpod):
    """It goes on to its end without any agent, its last word is in the log, and only then the pod is stopped."""
    assert runpod.stops == []
    (workspace / "on").touch()
    wait_for("the stop", lambda: runpod.stops, within_s=240)
    (log,) = workspace.glob(".podkeep/jobs/*/log")
    assert "the last word\nEXIT_CODE=0\n" in log.read_text()


def test_past_its_deadline_it_is(training, runpod):
    """The moment that the agent had left on the container's disk ends it, training or not."""
    kept = json.loads(training.inside("cat", "/podkeep/deadline.json"))
    past = {"at": time.time() - 1, "mono": time.monotonic() - 1}  # by both clocks, as the agent writes it
    kept |= {"at": past["at"], "every": [one | past for one in kept["every"]]}
    training.inside("bash", "-c", f"echo '{json.dumps(kept)}' >/podkeep/deadline.json")
    wait_for("the stop", lambda: runpod.stops, within_s=240)
    assert "the deadline has passed" in training.logs()


def test_a_stop_between_two_agents_is_heard_by_the_training(engine, built_image, workspace, runpod):
    """No agent lives when TERM comes: the keeper is told, the training says its last word, nobody is killed."""
    command = "trap 'echo the last word; exit 0' TERM; echo it runs; while :; do sleep 0.1; done"
    with Container(
        engine, built_image.id, "bash", "-c", command, mounts={workspace: "/workspace"}, **told(runpod)
    ) as pod:
        pod.says("it runs")
        pod.inside("bash", "-c", BREAK)
        pod.inside("kill", "-9", pod.agent())
        crash_loop(pod, UNDER_KEEPER)
        pod.docker("stop", "--time", "120")
        assert pod.state()["ExitCode"] == 0, pod.logs()
    (log,) = workspace.glob(".podkeep/jobs/*/log")
    assert log.read_text().count("the last word\nEXIT_CODE=0\n") == 1
    assert runpod.stops == []
