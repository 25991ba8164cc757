"""The simulator as a program: killed and started again, two at once, nobody there."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pod_sim.server import listen
from pod_wire.errors import PodError
from tests.live import PATIENCE_S, Simulator, wait_for
from tests.sim.conftest import ENTRYPOINT, Account


class Program:
    """A simulator that a test starts, kills and starts again."""

    def __init__(self, state: Path, env: dict[str, str]) -> None:
        self.state = state
        self.env = env
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *more: str) -> list[str]:
        given = ["--state", str(self.state), "--entrypoint", str(ENTRYPOINT), *more]
        return [sys.executable, "-m", "pod_sim", *given]

    def start(self, *more: str) -> Account:
        (self.state / "server.json").unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command(*more), env=self.env, stderr=subprocess.DEVNULL)
        return Account(wait_for("it listens", lambda: Simulator.at(self.state), every_s=0.01))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def leave(self) -> None:
        """It ends by itself, and its pods live on."""
        self.process.terminate()
        assert self.process.wait(PATIENCE_S) == 0

    def end(self) -> None:
        if self.process is None:
            return
        if self.process.poll() is not None:
            self.start()
        Simulator.at(self.state).call("POST", "/sim/reset")
        self.leave()


def settled(account: Account, pod: str) -> list[dict[str, object]]:
    """The pod's processes once its start command has its child, so that PID 1 has said that it started."""

    def look() -> list[dict[str, object]]:
        found = account.processes(pod)
        return found if "sleep 600" in {process["command"] for process in found} else []

    return wait_for("its sleep", look, every_s=0.01)


@pytest.fixture
def program(tmp_path: Path, clean_environment: dict[str, str]) -> Iterator[Program]:
    program = Program(tmp_path / "state", clean_environment)
    yield program
    program.end()


def test_pods_outlive_the_simulator(program):
    """Killed and started again, it has the same address, key and pods; the same processes run, and are watched."""
    first = program.start()
    pod = first.running()
    before, url = settled(first, pod), first.simulator.url
    program.kill()
    assert Path(f"/proc/{before[0]['host_pid']}").exists()
    again = program.start()
    assert (again.simulator.url, again.simulator.key) == (url, first.simulator.key)
    assert again.processes(pod) == before
    again.simulator.kill(pod, 1)
    wait_for("it runs again", lambda: again.console(pod).count("entry: start") == 2, every_s=0.02)


def test_a_pod_that_ended_meanwhile_is_started_again(program):
    """PID 1 that exits while no simulator watches is RunPod's to restart, on one bill."""
    first = program.start()
    pod = first.running()
    host_pid = settled(first, pod)[0]["host_pid"]
    program.kill()
    os.kill(host_pid, signal.SIGKILL)
    again = program.start()
    wait_for("it runs again", lambda: again.console(pod).count("entry: start") == 2, every_s=0.02)
    assert len(again.call("GET", f"/sim/pods/{pod}/ledger")[1]["charges"]) == 1


@pytest.mark.slow
def test_a_kill_at_any_moment_of_a_start_makes_no_second_container(program):
    """Killed between 0 and 300 ms after a create, the next simulator brings the pod up exactly once."""
    account = program.start()
    for delay in (0.0, 0.11, 0.13, 0.15, 0.2):
        pod = account.create()
        time.sleep(delay)
        program.kill()
        account = program.start()
        account.until_up(pod)
        assert sum(process["pid"] == 1 for process in settled(account, pod)) == 1
        wait_for("one container", lambda pod=pod: len(namespaces_of(pod)) == 1)


def namespaces_of(pod: str) -> set[Path]:
    """Those of all processes that bear the pod's id, but this machine's own."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        if pod.encode() in environment(path):
            with contextlib.suppress(OSError):  # gone since
                found.add(path.parent.joinpath("ns/pid").readlink())
    return found - {Path("/proc/self/ns/pid").readlink()}


def environment(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_stop_that_was_begun_is_finished_later(program):
    """Killed within the grace of a stop, the next simulator ends the container."""
    account = program.start("--grace", "600")
    pod = account.running("bash", "-c", 'trap "" TERM; echo deaf; while :; do sleep 600; done')
    account.says(pod, "deaf")
    host_pid = account.processes(pod)[0]["host_pid"]
    account.act(pod, "stop")
    program.kill()
    os.kill(host_pid, signal.SIGKILL)
    again = program.start()
    assert again.until_down(pod)["status"] == "EXITED"


def test_a_second_simulator_says_so_and_ends(program):
    """Two on one folder: the second names the first and exits with 3."""
    first = program.start()
    second = subprocess.run(program.command(), env=program.env, capture_output=True, text=True, check=False)
    assert second.returncode == 3
    assert f"pid {first.simulator.pid} already serves it at {first.simulator.url}" in second.stderr
    assert first.call("GET", "/sim/health")[0] == 200


def test_it_ends_when_unused(program):
    """Without a running pod and a request it ends by itself and takes its announcement back."""
    argv = program.command("--idle-exit", "0.003")
    done = subprocess.run(argv, env=program.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.index("simulator=listening") < done.stderr.index("simulator=unused")
    assert not (program.state / "server.json").exists()


@pytest.mark.slow
def test_it_stays_while_a_pod_runs(program):
    """A running pod keeps it, a stopped one does not."""
    pod = program.start().running()  # by one that waits for the request, however late it comes
    program.leave()
    account = program.start("--idle-exit", "0.005")
    with pytest.raises(subprocess.TimeoutExpired):
        program.process.wait(0.6)
    account.act(pod, "stop")
    assert program.process.wait(PATIENCE_S) == 0


def test_sigterm_ends_it_and_no_pod(program):
    """A terminated simulator exits 0, and its pods live on."""
    account = program.start()
    pod = account.running()
    host_pid = account.processes(pod)[0]["host_pid"]
    program.leave()
    assert Path(f"/proc/{host_pid}").exists()


def test_the_announcement_is_what_clients_expect(program):
    """server.json holds url, pid, key and a format."""
    account = program.start()
    known = json.loads((program.state / "server.json").read_text())
    assert (known["format"], known["pid"], known["key"]) == (1, program.process.pid, account.simulator.key)


def test_a_missing_entrypoint_is_said(program, tmp_path):
    """Without the program that is to be PID 1 the simulator does not start."""
    program.start()
    wrong = [*program.command()[:-1], str(tmp_path / "none.sh")]
    said = subprocess.run(wrong, env=program.env, capture_output=True, text=True, check=False)
    assert (said.returncode, "cannot use the entrypoint" in said.stderr) == (3, True)


def test_a_port_is_kept_or_given_up_for_another():
    """The port from before is taken when free; one that is asked for and taken is an error."""
    first = listen(0, 0)
    port = first.getsockname()[1]
    with listen(0, port) as other:
        assert other.getsockname()[1] != port
    with pytest.raises(PodError):
        listen(port, 0)
    first.close()
    with listen(0, port) as again:
        assert again.getsockname()[1] == port
