"""What `pod-agent after PID` means for its pod: what a stop would wipe, which limits hold, who stays to apply them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading

import pytest

from pod_agent import after
from pod_agent.invocation import Invocation
from pod_agent.pod import marks
from pod_agent.pod.preflight.mount import Mount
from pod_agent.run import after_watch
from pod_wire.errors import BadInput, Conflict
from tests.agent.agent_process import after as run
from tests.agent.agent_process import pods_by_hand
from tests.fakes.stop_server import StopServer
from tests.live import wait_for

KEEPS = {"POD_ON_FINISH": "keep", "POD_ON_FAILURE": "keep", "POD_IDLE_MINUTES": "0"}
ON_POD = {"RUNPOD_POD_ID": "pod-a", "POD_WORKSPACE": "/"}  # the container's own disk, wherever this runs


@pytest.fixture
def pod(tmp_path):
    with pods_by_hand(tmp_path) as make:
        yield make


def settings(fields, env):
    return after.understood({"POD_COMMAND": "true", **fields}, env, Invocation())[1]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"POD_ON_FINISH": "keep"},
        {**KEEPS, "POD_ON_FAILURE": "stop"},
        {**KEEPS, "POD_IDLE_MINUTES": "15"},
        {**KEEPS, "POD_MAX_HOURS": "9"},
    ],
)
def test_a_stop_that_would_wipe_all_is_refused(fields):
    """Whatever would stop the pod in the end, its idle minutes too, counts where no volume is mounted."""
    with pytest.raises(Conflict, match="no mounted volume") as caught:
        after.hold(settings(fields, ON_POD))
    assert "--ephemeral" in caught.value.hint


@pytest.mark.parametrize(
    ("fields", "env"),
    [
        (KEEPS, ON_POD),
        ({"POD_EPHEMERAL": "1"}, ON_POD),
        ({}, {**ON_POD, "POD_EPHEMERAL": "1"}),
        ({}, {**ON_POD, "POD_WORKSPACE": "/proc"}),
        ({}, {"POD_WORKSPACE": "/"}),
    ],
)
def test_what_wipes_nothing_is_looked_after(fields, env):
    """A pod that is kept, a loss that is allowed, a mount of its own, a machine of one's own."""
    after.hold(settings(fields, env))


def test_a_mount_that_hangs_holds_nobody():
    """It is waited for as long as the limit says, and then taken for a mount, as it is none of the container's own."""
    over = threading.Event()

    def look(_):
        over.wait()
        return Mount("/", "overlay")

    after.hold(settings({}, ON_POD), look, 0.05)
    over.set()


def test_nothing_begins_where_a_stop_would_wipe_all(pod, training):
    """Exit code 3 with the ways out, no agent, no folder, and the training goes on."""
    mine = training()
    agent = pod(**ON_POD, POD_EPHEMERAL="")
    done = run(agent, str(mine.pid))
    assert done.returncode == 3
    assert "no mounted volume" in done.stderr
    assert "--on-finish keep" in done.stderr
    assert not (agent.folder / "run").exists()
    assert mine.process.poll() is None


def test_a_living_agent_is_not_asked_for_it_either(tmp_path, training):
    """Where the agent's own environment says so, nothing is posted: nobody listens here."""
    (tmp_path / "local-token").write_text("a-token")
    env = {**ON_POD, "PODKEEP_DISK_DIR": str(tmp_path)}
    agent = subprocess.Popen(["/bin/sleep", "600"], env=env)
    try:
        asked = after.read([str(training().pid)])
        job = after.job_of(asked, after.targets(asked, after.ourselves()))
        with pytest.raises(Conflict, match="no mounted volume"):
            after.hand_over(job, agent.pid, Invocation())
    finally:
        agent.kill()
        agent.wait()


@pytest.mark.slow
def test_a_living_agent_gets_the_pod_s_limits(pod, training):
    """What the pod's environment says holds for what is handed over, and what is typed wins over it."""
    standing = {
        "POD_ON_FINISH": "keep",
        "POD_ON_FAILURE": "keep",
        "POD_MAX_HOURS": "7",
        "POD_IDLE_MINUTES": "42",
    }
    mine = training()
    agent = pod(**standing).start()
    wait_for(
        "http, and its boot", lambda: all(word in agent.said() for word in ("http=up", "waiting reason="))
    )
    done = run(agent, str(mine.pid), "--max-hours", "5")
    assert done.returncode == 0, done.stderr
    spec = json.loads((agent.folder / "disk" / "boot.json").read_bytes())["accepted"]["spec"]
    assert (spec["on_finish"], spec["on_failure"]) == ("keep", "keep")
    assert (spec["max_hours"], spec["idle_minutes"], spec["ephemeral"]) == (5, 42, True)


@pytest.mark.parametrize("text", ["many", "nan", "inf", "-1e999", "1_0x", "0", "-2"])
def test_a_number_that_is_none_is_said(text):
    """To who typed it, by the option's name: no agent is to meet it, who would stop the pod amid the training."""
    with pytest.raises(BadInput) as caught:
        settings({"POD_MAX_HOURS": text}, {})
    assert str(caught.value.mistakes[0]).startswith("--max-hours: ")


def test_a_mistake_stops_no_pod(pod, training):
    """Exit code 2, every mistake named, and no agent that would end its job and stop the pod."""
    mine = training()
    agent = pod(RUNPOD_POD_ID="pod-a")
    done = run(agent, str(mine.pid), "--max-hours=many", "--on-finish", "kep")
    assert done.returncode == 2
    assert "--max-hours: " in done.stderr
    assert "--on-finish: " in done.stderr
    assert not (agent.folder / "run").exists()


@pytest.fixture
def runpod():
    server = StopServer()
    yield server
    server.close()


def told(server):
    return {
        "RUNPOD_POD_ID": "pod-a",
        "RUNPOD_API_KEY": "a-key-of-the-pod",
        "POD_RUNPOD_URL": f"{server.url}/v2",
    }


def running(status):
    return status["phase"] == "running" and status["job"]["attempts"][-1]["pid"]


@pytest.mark.slow
def test_an_agent_that_dies_is_followed_by_another(pod, training, runpod):
    """No agent lived here and ours is killed: the next one goes on, and the end that nobody saw stops the pod."""
    mine = training()
    agent = pod(**told(runpod)).start("after", str(mine.pid))
    agent.until("running", running)
    first = marks.agent(agent.folder / "run")
    assert first is not None
    assert first != agent.process.pid
    mark = agent.folder / "run" / f"by-hand-{mine.pid}.pid"
    assert mark.read_text() == f"{mine.pid} {after_watch.started(mine.pid)}\n"
    os.kill(first, signal.SIGKILL)
    mine.ends()
    wait_for("the stop", lambda: runpod.stops)
    assert marks.agent(agent.folder / "run") not in {None, first}
    log = agent.workspace / ".podkeep" / "jobs" / f"after-{mine.pid}" / "log"
    assert "succeeded" in log.read_text()


@pytest.mark.slow
def test_who_ends_it_is_told_that_the_pod_is_billed(pod, training, runpod):
    """Ctrl-C leaves a pod that nobody stops: it is said, with the way back; the training goes on."""
    mine = training()
    agent = pod(**told(runpod)).start("after", str(mine.pid))
    agent.until("running", running)
    os.killpg(agent.process.pid, signal.SIGINT)  # as a terminal does
    assert agent.process.wait(60) == 0
    assert (
        f"this pod is billed, and nobody will stop it: begin `pod-agent after {mine.pid}` again"
        in agent.said()
    )
    assert runpod.stops == []
    assert mine.process.poll() is None
