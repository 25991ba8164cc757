"""`pod-agent after PID`: a training that somebody began by hand is looked after, with an agent here and without."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pod_agent import after
from pod_wire.errors import BadInput
from tests.agent.agent_process import TOKEN, pods_by_hand
from tests.agent.agent_process import after as run
from tests.fakes.stop_server import StopServer
from tests.live import wait_for


@pytest.fixture
def pod(tmp_path):
    with pods_by_hand(tmp_path) as make:
        yield make


def log_of(pod, pid):
    path = pod.workspace / ".podkeep" / "jobs" / f"after-{pid}" / "log"
    return path.read_text() if path.exists() else ""


def running(status):
    return status["phase"] == "running" and status["job"]["attempts"][-1]["pid"]


@pytest.mark.slow
def test_alone_it_becomes_the_agent_and_stops_the_pod(pod, training, tmp_path):
    """No agent lives here: /healthz answers, the log is the training's file, its end stops the pod."""
    with (tmp_path / "train.log").open("wb") as output:
        mine = training(output)
    with (tmp_path / "noise").open("wb"):
        server = StopServer()
    known = {
        "RUNPOD_POD_ID": "pod-a",
        "RUNPOD_API_KEY": "a-key-of-the-pod",
        "POD_RUNPOD_URL": f"{server.url}/v2",
    }
    agent = pod(**known, POD_REPO="/no/such/repository", POD_RESUME="--resume {checkpoint}").start(
        "after", str(mine.pid)
    )
    try:
        agent.until("running", running)
        assert b'"alive"' in agent.get("/healthz")
        wait_for("the first step", lambda: "\nstep 1\n" in log_of(agent, mine.pid))
        assert server.stops == []
        mine.ends()
        wait_for("the stop", lambda: server.stops)
        log = log_of(agent, mine.pid)
        assert "\nthe last step\n" in log
        assert f"process {mine.pid} has ended; how, only who started it can know" in log
        assert "succeeded" in log
    finally:
        server.close()


@pytest.mark.slow
def test_outside_a_pod_it_ends_with_the_training(pod, training):
    """With nothing to stop it ends well when the training has; a pipe's log begins with nothing, and says why."""
    mine = training(subprocess.PIPE)
    agent = pod().start("after", str(mine.pid))
    agent.until("running", running)
    wait_for(
        "why", lambda: "to a pipe: what it wrote and writes there is not here" in log_of(agent, mine.pid)
    )
    mine.ends()
    assert agent.process.wait(60) == 0


@pytest.mark.slow
@pytest.mark.parametrize("token", [TOKEN, "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest(), ""])
def test_a_living_agent_is_asked(pod, training, token):
    """Where an agent lives it takes the job, whatever is known of its token, and the program ends at once."""
    mine, other = training(), training()
    agent = pod(POD_TOKEN=token).start()
    wait_for(
        "http, and its boot", lambda: all(word in agent.said() for word in ("http=up", "waiting reason="))
    )
    done = run(agent, str(mine.pid), str(other.pid), "--on-finish=keep", "--max-hours", "5")
    assert done.returncode == 0, done.stderr
    name = f"after-{mine.pid}-{other.pid}"
    assert name in done.stderr
    log = agent.workspace / ".podkeep" / "jobs" / name / "log"
    wait_for("looking on", lambda: log.exists() and "to nowhere" in log.read_text())
    again = run(agent, str(mine.pid))
    assert again.returncode == 3
    assert name in again.stderr
    mine.ends()
    wait_for("one end", lambda: f"process {mine.pid} has ended" in log.read_text())
    assert "succeeded" not in log.read_text()
    other.ends()
    wait_for("the end", lambda: "succeeded: exit code 0" in log.read_text())
    wait_for("keep", lambda: "policy=keep" in agent.said())


@pytest.mark.slow
def test_term_ends_the_looking_and_never_the_training(pod, training):
    """Ctrl-C, and a closed terminal, cost nothing of what somebody else began."""
    mine = training()
    agent = pod().start("after", str(mine.pid))
    agent.until("running", running)
    agent.process.send_signal(signal.SIGHUP)
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(60) == 0
    assert mine.process.poll() is None


@pytest.mark.slow
def test_a_closed_terminal_is_borne(pod, training, tmp_path):
    """Begun in a terminal that is closed afterwards, it looks on, and the end stops the pod."""
    with (tmp_path / "train.log").open("wb") as output:
        mine = training(output)
    server = StopServer()
    agent = pod(RUNPOD_POD_ID="pod-a", RUNPOD_API_KEY="a-key-of-the-pod", POD_RUNPOD_URL=f"{server.url}/v2")
    master, terminal = os.openpty()
    argv = [sys.executable, "-m", "pod_agent", "after", str(mine.pid)]
    agent.process = subprocess.Popen(
        argv, env=agent.env, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    try:
        agent.until("running", running)
        os.close(master)
        agent.process.send_signal(signal.SIGHUP)  # as the kernel does to who holds the terminal
        mine.ends()
        wait_for("the stop", lambda: server.stops)
        assert "succeeded" in log_of(agent, mine.pid)
    finally:
        server.close()


WRONG = [
    ([], "PID: is missing"),
    (["x"], "x: is no process id"),
    (["-5"], "-5: is no option"),
    (["0x10"], "is no process id"),
    (["99999999999999999999"], "is no process id"),
    (["٣"], "is no process id"),
    (["5", "--max-hours"], "--max-hours: needs a value"),
    (["5", "--max-hours="], "--max-hours: needs a value"),
    (["5", "--max-hours", ""], "--max-hours: needs a value"),
    (["5", "--repo", "x"], "--repo: is no option of `pod-agent after`"),
    (["1"], "1: is the container's first process"),
    ([str(1 << 22)], "is no process: has it ended already?"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_what_cannot_be_looked_after_is_said(words, said):
    """Every mistake names itself and the way out; nothing is begun."""
    with pytest.raises(BadInput) as caught:
        after.targets(after.read(words), after.ourselves())
    assert said in "; ".join(map(str, caught.value.mistakes))


def test_nobody_waits_for_himself():
    """Our own pid and those that wait for us would never end."""
    for pid in (os.getpid(), os.getppid()):
        if pid > 1:
            with pytest.raises(BadInput, match="cannot look after it") as caught:
                after.target(pid, after.ourselves())
            assert "itself" in str(caught.value.mistakes[0])


def test_a_zombie_and_a_thread_are_told_apart(training):
    """What has ended already is not waited for; of a thread its process is named."""
    dead = subprocess.Popen(["/bin/true"])
    try:
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(BadInput) as caught:
            after.target(dead.pid, [])
        assert "has ended already" in str(caught.value.mistakes[0])
    finally:
        dead.wait()
    ready, over = threading.Event(), threading.Event()
    numbers = []
    thread = threading.Thread(
        target=lambda: (numbers.append(threading.get_native_id()), ready.set(), over.wait())
    )
    thread.start()
    try:
        ready.wait()
        with pytest.raises(BadInput) as caught:
            after.target(numbers[0], [])
        assert f"is a thread of process {os.getpid()}" in str(caught.value.mistakes[0])
    finally:
        over.set()
        thread.join()


def test_a_kernel_s_thread_is_known():
    """By its flags, as the kernel writes them."""
    line = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0"
    assert after.is_kernel_s(line.rpartition(") ")[2].split())
    assert not after.is_kernel_s(Path("/proc/self/stat").read_text().rpartition(") ")[2].split())


def test_the_program_says_what_was_typed_wrong(pod):
    """Exit code 2, each mistake on its line; --help is no mistake."""
    done = run(pod(), "x", "y")
    assert done.returncode == 2
    assert len(re.findall("is no process id", done.stderr)) == 2
    assert "after $!" in run(pod(), "--help").stdout
