"""--local: the client starts the real simulator by itself, and follows a real job through its proxy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import PATIENCE_S, Simulator, wait_for

LINES = "".join(f"{number}\n" for number in range(1, 2001))
JOB = "for i in $(seq 0 19); do seq $((i*100+1)) $((i*100+100)); sleep 0.15; done"


@pytest.fixture
def home(clean_environment):
    """A home whose simulator, if one was started, is ended with its pods."""
    home = Path(clean_environment["HOME"])
    yield home
    simulator = Simulator.at(state_of(home))
    if simulator is not None:
        simulator.end()


def state_of(home: Path) -> Path:
    return home / ".local" / "state" / "podkeep" / "sim"


def client(*argv: str) -> list[str]:
    return [sys.executable, "-m", "pod_client.cli", *argv]


@pytest.mark.slow
def test_a_buffering_proxy_costs_neither_bytes_nor_the_end(home):
    """Behind a proxy that holds streams back, the log is printed whole, once, and the receipt follows."""
    up = client("up", "--local", "--job", "buffered", "--command", JOB)
    process = subprocess.Popen(up, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    simulator = wait_for("a simulator", lambda: Simulator.at(state_of(home)))
    pod = wait_for("a pod", lambda: next(iter(simulator.pods().values()), None))
    simulator.call("POST", f"/sim/pods/{pod['id']}/proxy", {"mode": "buffer"})
    out, err = process.communicate(timeout=PATIENCE_S)
    log = next((state_of(home) / "pods").glob(f"{pod['id']}/mount/.podkeep/jobs/buffered/log"))
    assert process.returncode == 0, err.decode()
    assert out == log.read_bytes()
    assert LINES in out.decode()
    assert "stopped: its GPU is no longer billed" in err.decode()
    removed = subprocess.run(client("rm", "buffered"), cwd=home, capture_output=True, check=False)
    assert removed.returncode == 0
    assert simulator.pods() == {}


@pytest.mark.slow
def test_two_commands_that_start_the_simulator_share_one(home):
    """The slower one's simulator ends, as the folder is taken: it waits for the other's, and uses it."""
    import fcntl  # noqa: PLC0415 - not on Windows, where there is no simulator

    state = state_of(home)
    state.mkdir(parents=True)
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        slower = subprocess.Popen(
            client("ps", "--local"), cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        log = state / "server.log"
        wait_for(
            "its simulator's end", lambda: log.exists() and b"cannot start a simulator" in log.read_bytes()
        )
    quicker = subprocess.run(client("ps", "--local"), cwd=home, capture_output=True, check=False)
    _, err = slower.communicate(timeout=PATIENCE_S)
    assert (quicker.returncode, slower.returncode) == (0, 0), err.decode()
