"""`logs --console` and the last words of a pod that does not come up, against the simulator's log stream."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pod_client.config import read_config
from pod_client.console import Reader, Wish
from pod_wire.errors import NotFound
from tests.client.test_against_simulator import UP, Desk
from tests.live import PATIENCE_S, Simulator, wait_for
from tests.story.relay import Line

pytestmark = pytest.mark.slow
BODY = {
    "name": "quiet",
    "image": "local",
    "gpu": {"id": "NVIDIA L4", "count": 1},
    "disk": 5,
    "entrypoint": ["bash"],
}


@pytest.fixture
def desk(tmp_path, simulator: Simulator) -> Desk:
    return Desk(tmp_path, simulator)


def made(desk: Desk, script: str, says: str) -> str:
    """A pod without an agent that has said this."""
    status, pod = desk.simulator.call("POST", "/v2/pods", {**BODY, "cmd": ["-c", script]})
    assert status == 201, pod
    path = f"/sim/pods/{pod['id']}/console"
    wait_for(says, lambda: says in str(desk.simulator.call("GET", path)[1]))
    return pod["id"]


def following(desk: Desk, pod: str) -> tuple[subprocess.Popen[bytes], Path]:
    """A follower, and what it prints."""
    argv = [sys.executable, "-m", "pod_client.cli", "logs", pod, "--console", "--follow"]
    out = desk.home / "out"
    with out.open("wb") as file:
        follower = subprocess.Popen(argv, cwd=desk.home, env=desk.env, stdout=file, stderr=subprocess.PIPE)
    return follower, out


def all_lines(follower: subprocess.Popen[bytes], out: Path, count: int) -> list[str]:
    """What the container said, once the last of so many lines is there."""
    last = f" line {count}\n".encode()
    wait_for("its last line", lambda: last in out.read_bytes() or follower.poll() is not None)
    found = [line.split(maxsplit=2) for line in out.read_text().splitlines()]
    return [text for _, source, text in found if source == "container"]


def let_go(desk: Desk, pod: str) -> None:
    """The pod's script, which waits for this."""
    (desk.simulator.state / "pods" / pod / "disk" / "run" / "go").touch()


def ended(desk: Desk, pod: str) -> None:
    desk.simulator.call("POST", f"/v2/pods/{pod}/action", {"action": "terminate"})


def test_a_pod_without_an_agent_can_be_read(desk):
    """Host's and container's lines, each with its time; `--tail` is of each; nothing of a token is needed."""
    pod = made(desk, "echo one; echo two; sleep 600", "two")
    code, said = desk.run("logs", pod, "--console")
    assert code == 0
    found = [line.split(maxsplit=2)[1:] for line in said.splitlines()]
    assert found[1:] == [
        ["system", "create container local"],
        ["system", "start container for local: begin"],
        ["container", "one"],
        ["container", "two"],
    ]
    code, said = desk.run("logs", "quiet", "--console", "--tail", "1")
    assert [line.split(maxsplit=2)[2] for line in said.splitlines()] == [
        "start container for local: begin",
        "two",
    ]
    code, said = desk.run("logs", pod, "--console", "--since", "2100-01-01T00:00:00Z")
    assert (code, "has not logged anything" in said) == (0, True)
    ended(desk, pod)


def test_what_runpod_refuses_is_said(desk):
    """A tail that is too long, an unknown pod, a wrong key."""
    pod = made(desk, "echo one; sleep 600", "one")
    code, said = desk.run("logs", pod, "--console", "--tail", "5001")
    assert (code != 0, "tail: want integer from 0 to 5000" in said) == (True, True)
    desk.next_is(logs=["missing"])
    code, said = desk.run("logs", pod, "--console")
    assert (code != 0, f"cannot read RunPod's log of pod {pod}: pod not found" in said) == (True, True)
    ended(desk, pod)


def test_a_pod_that_never_falls_silent(desk):
    """Without --follow the question has an end, however much goes on being written."""
    pod = made(desk, "while :; do echo again; sleep 0.05; done", "again")
    code, said = desk.run("logs", pod, "--console")
    assert (code, "container again" in said) == (0, True)
    ended(desk, pod)


def test_a_follower_outlasts_runpods_own_trouble(desk):
    """Cut, then asked too often, then broken: it goes on where it was, and no line is lost or comes twice."""
    half = "do echo line $i; sleep 0.05; done;"
    waits = "until [ -e /run/go ]; do sleep 0.05; done;"
    pod = made(desk, f"for i in {{1..40}}; {half} {waits} for i in {{41..80}}; {half} sleep 600", "line 1")
    with Line(int(desk.simulator.url.rpartition(":")[2]), lambda: 0) as line:
        desk.env["POD_RUNPOD_URL"] = f"http://127.0.0.1:{line.port}/v2"
        follower, out = following(desk, pod)
        wait_for("its first lines", lambda: b" line 5\n" in out.read_bytes() or follower.poll() is not None)
        desk.next_is(logs=["limited", "broken"])
        line.drop()
        let_go(desk, pod)
        assert all_lines(follower, out, 80) == [f"line {n}" for n in range(1, 81)]
        assert len(line.asked) == 4
        follower.send_signal(signal.SIGINT)
        follower.communicate(timeout=PATIENCE_S)
    ended(desk, pod)


def test_following_goes_on_until_it_is_ended(desk):
    """Every line as it comes, until Ctrl-C."""
    pod = made(desk, "for i in {1..100}; do echo line $i; sleep 0.02; done; sleep 600", "line 1")
    follower, out = following(desk, pod)
    assert all_lines(follower, out, 100) == [f"line {n}" for n in range(1, 101)]
    follower.send_signal(signal.SIGINT)
    _, told = follower.communicate(timeout=PATIENCE_S)
    assert b"Traceback" not in told
    ended(desk, pod)


def test_a_reader_goes_on_where_it_was(desk):
    """A second connection brings what came since, and nothing twice; of a pod that is no more there is nothing."""
    pod = made(
        desk,
        "for i in 1 2; do echo line $i; until [ -e /run/go ]; do sleep 0.05; done; done; sleep 600",
        "line 1",
    )
    reader = Reader(read_config(desk.env), pod)
    assert [line.text for line in reader.lines(Wish(), PATIENCE_S, 0.3)][-1] == "line 1"
    assert list(reader.lines(Wish(), 0.3, 0.3)) == []
    let_go(desk, pod)
    assert [line.text for line in reader.lines(Wish(), PATIENCE_S, 0.3)] == ["line 2"]
    ended(desk, pod)
    with pytest.raises(NotFound):
        list(reader.lines(Wish(), PATIENCE_S, 0.3))


def test_a_launch_that_fails_tells_what_the_host_said(desk):
    """Before the pod is removed, and its log with it."""
    desk.next_is(create=["error"])
    code, said = desk.run(*UP)
    assert code != 0
    assert "the last that RunPod's host said of the pod" in said
    assert "error: cannot place a container for local" in said
    assert said.index("cannot place a container") < said.index("the launch failed")
    assert not [pod for pod in desk.simulator.pods().values() if pod["name"].startswith("podkeep-long")]
