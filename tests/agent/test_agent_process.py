"""The agent as a program: real keeper, real log, real HTTP, real signals."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

from tests import busy
from tests.agent.agent_process import AgentProcess, is_alive
from tests.fakes.stop_server import StopServer
from tests.live import PATIENCE_S, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def agent(tmp_path):
    made = []

    def make(**env):
        made.append(AgentProcess(tmp_path, **env))
        return made[-1]

    yield make
    for one in made:
        one.close()


def finished(status):
    return status["job"] is not None and status["job"]["outcome"] is not None


def running(status):
    job = status["job"]
    return job is not None and job["attempts"] and job["attempts"][-1]["pid"] and job["phase"] == "running"


def test_a_command_runs_to_its_end(agent):
    """`echo hi` becomes a job: it succeeds, its log is served and mirrored, its record is on disk."""
    pod = agent(POD_COMMAND="echo hi").start()
    status = pod.until("the end", finished)
    assert status["job"]["outcome"] == "succeeded"
    log = pod.get("/logs")
    assert b"\nhi\n" in log
    assert b"EXIT_CODE=0" in log
    assert pod.state()["phase"] == "finished"
    wait_for("the mirror", lambda: "\nhi\n" in pod.said())


def test_secrets_are_masked_everywhere(agent):
    """A token that the job prints leaves as stars, over HTTP, on stdout and in the agent's own lines."""
    secret = "hf_abcdefghijklmnop"
    pod = agent(POD_COMMAND=f"echo token $HF_TOKEN; echo {secret}", HF_TOKEN=secret).start()
    pod.until("the end", finished)
    assert secret.encode() not in pod.get("/logs")
    assert secret not in json.dumps(pod.status())
    pod.kill(signal.SIGTERM)
    assert secret not in pod.said()
    assert secret.encode() in pod.log()


def test_a_start_command_is_a_job(agent):
    """Any start command runs as a one-shot job under the same care."""
    pod = agent().start("sh", "-c", "echo one shot; exit 3")
    status = pod.until("the end", finished)
    assert status["job"]["outcome"] == "failed"
    assert status["job"]["attempts"][0]["exit_code"] == 3
    assert b"one shot" in pod.log()


def test_sleep_infinity_means_waiting(agent):
    """The usual idle start command asks for no job, and an order can be posted."""
    pod = agent().start("sleep", "infinity")
    assert pod.until("waiting", lambda status: status["stops_because"] == "idle")["phase"] == "waiting"
    assert (
        pod.post("/jobs", json.dumps({"command": "echo posted", "name": "p", "on_finish": "keep"}).encode())
        == 202
    )
    status = pod.until("the end", finished)
    assert status["job"]["name"] == "p"
    assert status["job"]["outcome"] == "succeeded"


def test_a_killed_agent_loses_no_attempt(agent):
    """A new agent finds the living training: the same attempt, the same process, a log without a gap."""
    words = "for i in $(seq 1 30); do echo line $i; sleep 0.1; done; until [ -e enough ]; do sleep 0.1; done"
    pod = agent(POD_COMMAND=words).start()
    pid = pod.until("running", running)["job"]["attempts"][-1]["pid"]
    pod.kill()
    pod.start()
    pod.until("running again", running)
    (Path(f"/proc/{pid}/cwd") / "enough").touch()
    status = pod.until("the end", finished)
    assert [attempt["pid"] for attempt in status["job"]["attempts"]] == [pid]
    assert status["job"]["outcome"] == "succeeded"
    assert [f"line {i}".encode() in pod.log().split(b"\n") for i in range(1, 31)] == [True] * 30


def test_a_training_killed_from_outside_resumes(agent):
    """Killed by somebody else, the job begins its next attempt within a second or so."""
    pod = agent(POD_COMMAND="[ -e seen ] && exit 0; touch seen; exec sleep 60", POD_RESUME="").start()
    status = pod.until("running", running)
    os.kill(status["job"]["attempts"][-1]["pid"], signal.SIGKILL)
    status = pod.until("the end", finished)
    assert [one["reason"] for one in status["job"]["attempts"]] == [
        "killed by signal KILL from outside",
        "exit code 0",
    ]


def test_term_hurries_the_training_and_keeps_the_state(agent):
    """On TERM the training is told at once, the outcome is interrupted on disk, and the agent is gone soon."""
    code = (
        "import signal,time,sys; signal.signal(15, lambda *_: (print('told', time.time()), sys.exit(0))); "
        "print('ready'); time.sleep(60)"
    )
    pod = agent(POD_COMMAND=f'python3 -c "{code}"').start()
    pid = pod.until("running", running)["job"]["attempts"][-1]["pid"]
    wait_for(
        "it listens", lambda: b"\nready\n" in pod.log()
    )  # the attempt's first line says it too, in its command
    watch = busy.Watch()
    assert pod.kill(signal.SIGTERM) == 0
    assert not watch.was_too_long(4.5)
    assert pod.state()["ending"]["outcome"] == "interrupted"
    # before its patience of 2 s ends, or it had been killed; how fast, is measured in bench/
    wait_for("its own end", lambda: re.search(rb"\ntold [\d.]+\nEXIT_CODE=0\n", pod.log()))
    assert not is_alive(pid)


def test_a_training_hurried_while_no_agent_lived_has_not_succeeded(agent):
    """The keeper was told by PID 1, the training saved and exited well: the next agent goes on with it."""
    polite = "trap 'echo saved; exit 0' TERM; touch seen; echo ready; while :; do sleep 0.05; done"
    pod = agent(POD_COMMAND=f"[ -e seen ] && exit 0; {polite}", POD_RESUME="").start()
    pod.until("running", running)
    wait_for("it listens", lambda: b"\nready\n" in pod.log())
    keeper, _ = (pod.folder / "run" / "keeper.pid").read_text().split()
    pod.kill()
    os.kill(int(keeper), signal.SIGTERM)
    wait_for("it has ended", lambda: b"\nsaved\nEXIT_CODE=0\n" in pod.log())
    status = pod.start().until("the end", finished)
    taken, done = status["job"]["attempts"]
    assert (taken["exit_code"], taken["reason"]) == (0, "the pod was taken from under it")
    assert done["reason"] == "exit code 0"
    assert status["job"]["outcome"] == "succeeded"


def test_bad_settings_are_a_failed_job(agent):
    """A misspelt variable and a negative number end the job failed, both named, the values not."""
    pod = agent(POD_COMMAND="echo hi", POD_MAX_HOURS="-3", POD_COMAND="x").start()
    status = pod.until("the end", finished)
    assert status["job"]["outcome"] == "failed"
    assert "POD_COMAND" in status["job"]["reason"]
    assert "max_hours" in status["job"]["reason"].lower()
    assert b"hi" not in pod.log()


def test_policy_exit_ends_the_agent(agent):
    """Outside RunPod the agent leaves with the job's own exit code."""
    pod = agent(POD_ON_FINISH="exit", POD_ON_FAILURE="exit").start("run", "--", "exit 3")
    assert pod.process.wait(PATIENCE_S) == 3
    assert pod.state()["ending"]["outcome"] == "failed"


def test_the_pod_is_stopped_soon_after_the_training(agent):
    """The stop is asked for by the training's end, not by the next look at a clock; the ladder then goes on."""
    runpod, watch = StopServer(v2=403, graphql=200), busy.Watch()
    pod = agent(
        POD_COMMAND="sleep 2; date +%s.%N",
        POD_ON_FINISH="stop",
        POD_RUNPOD_URL=f"{runpod.url}/v2",
        RUNPOD_POD_ID="pod-a",
        RUNPOD_API_KEY="rpa_key_of_the_pod",
    ).start()
    try:
        pod.until("stopping", lambda status: status["stop_attempts"] >= 1)
        status = pod.until(
            "self-stop and price", lambda now: now["self_stop"] == "proved" and now["price_per_hour"]
        )
        # no tick of a minute; the budget of 0.5 s is measured in bench/
        assert runpod.stops[0][0] - times(pod)[0] < (5 if watch.was_calm() else 20)
        assert status["price_per_hour"] == 1.5
        assert [path for _, path, _, _ in runpod.stops][:2] == ["/v2/pods/pod-a/action", "/graphql"]
    finally:
        runpod.close()


def times(pod):
    """What the job wrote of lines that begin with a digit, the last one only when it is whole."""
    return [float(line) for line in pod.log().split(b"\n")[:-1] if line[:1].isdigit()]


def test_a_container_restart_runs_the_next_attempt_soon(agent):
    """Everything of the container dies, the disk stays: the next training begins within a second, number two."""
    pod = agent(POD_COMMAND="date +%s.%N; exec sleep 60", POD_RESUME="").start()
    first = pod.until("running", running)["job"]["attempts"][-1]["pid"]
    wait_for("its first word", lambda: times(pod))
    keeper = int((pod.folder / "run" / "keeper.pid").read_text().split()[0])
    pod.kill()
    for pid in (keeper, first):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(pod.folder / "run")
    again = time.time()
    pod.start()
    status = pod.until("the next one", lambda now: running(now) and len(now["job"]["attempts"]) == 2)
    wait_for("its first word", lambda: len(times(pod)) == 2)
    assert times(pod)[1] > again
    assert [one["number"] for one in status["job"]["attempts"]] == [1, 2]
    assert status["boot"] == json.loads((pod.folder / "disk" / "boot.json").read_text())["boot"]["id"]


def test_health_is_told_while_a_step_hangs(agent):
    """A clone that never answers holds neither /healthz nor a cancel."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        pod = agent(POD_REPO=f"http://127.0.0.1:{port}/x.git", POD_COMMAND="true")
        pod.start()
        pod.until("it syncs", lambda status: status["phase"] == "syncing")
        assert pod.post("/jobs/demo/cancel") == 202
        assert pod.until("the end", finished)["job"]["outcome"] == "cancelled"


def test_the_entrypoint_and_the_agent_end_together(agent):
    """TERM to the entrypoint reaches the training, and leaves an interrupted job and no process."""
    pod = agent(POD_COMMAND="exec sleep 60").start(entrypoint=True)
    pid = pod.until("running", running)["job"]["attempts"][-1]["pid"]
    assert pod.kill(signal.SIGTERM) == 0
    assert pod.state()["ending"]["outcome"] == "interrupted"
    assert not is_alive(pid)
    assert not (pod.folder / "run" / "keeper.pid").exists()


def test_a_run_folder_that_cannot_be_written_still_stops_the_pod(agent):
    """Nothing can be started there: the job has failed, with the reason, and the pod asks to be stopped."""
    runpod = StopServer(v2=200)
    pod = agent(
        POD_COMMAND="true",
        POD_ON_FAILURE="stop",
        POD_RUNPOD_URL=f"{runpod.url}/v2",
        RUNPOD_POD_ID="pod-a",
        RUNPOD_API_KEY="rpa_key_of_the_pod",
        PODKEEP_RUN_DIR="/proc/nowhere",
    ).start()
    try:
        status = pod.until("stopping", lambda status: status["stop_attempts"] >= 1)
        assert status["job"]["outcome"] == "failed"
        assert "could not be started" in status["job"]["reason"]
    finally:
        runpod.close()
