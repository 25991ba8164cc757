"""What is read of a machine, with real processes: a program that computes, a quiet terminal, a writer, a request.

A folder stands in for the machine: its /proc holds the processes of the test and no others.
"""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pod_agent.pod.idle import network, notebooks, processes, terminals
from pod_agent.pod.idle.measure import Looks, sample
from pod_agent.pod.idle.raw import GpuReading, Kernels, Roles
from pod_agent.pod.idle.signs import Gap, Name, State
from pod_agent.pod.idle.sources import Sources
from tests.live import wait_for

NOBODY = Roles()
BURNER = "while :; do :; done"
WRITER = (
    "import time\nf = open('grows', 'wb', buffering=0)\nwhile True: f.write(bytes(65536)); time.sleep(0.05)"
)


class Machine:
    """Processes and terminals that a test lets be seen."""

    def __init__(self, folder):
        self.root = folder / "machine"
        (self.root / "proc" / "net").mkdir(parents=True)
        (self.root / "dev" / "pts").mkdir(parents=True)
        self.folder = folder
        self.started = []
        self.sources = Sources(self.root, GpuReading, is_shared=True)
        self.looks = Looks()

    def start(self, *argv):
        self.started.append(subprocess.Popen(argv, cwd=self.folder, stdin=subprocess.DEVNULL))
        self.show(self.started[-1].pid)
        return self.started[-1]

    def show(self, pid):
        (self.root / "proc" / str(pid)).symlink_to(f"/proc/{pid}")

    def look(self, roles=NOBODY):
        """Readings by name, of the time since the last look."""
        raw = self.sources.look(time.monotonic(), time.time(), roles, is_resting=True)
        found = {one.name: one for one in sample(self.looks, raw).readings}
        self.looks = self.looks.then(raw)
        return found

    def until(self, name, state, roles=NOBODY):
        """Look until the signal is so; looks are far enough apart to tell rates."""
        self.look(roles)
        return wait_for(
            f"{name} is {state}",
            lambda: (found := self.look(roles).get(name)) and found.state is state and found,
            every_s=0.6,
        )


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.wait()


def test_a_program_that_somebody_started_in_a_shell(machine):
    """It is busy as long as it computes, and named; gone, it is idle."""
    burner = machine.start("bash", "-c", BURNER)
    found = machine.until(Name.PROGRAMS, State.BUSY)
    assert found.because == "bash computes."
    burner.kill()
    machine.until(Name.PROGRAMS, State.IDLE)


def test_the_same_program_of_the_job(machine):
    """Whose it is decides which signal it is."""
    burner = machine.start("bash", "-c", BURNER)
    roles = Roles(agent=1, trainings=frozenset({burner.pid}))
    machine.until(Name.JOB, State.BUSY, roles)
    time.sleep(0.6)
    assert machine.look(roles)[Name.PROGRAMS].state is State.IDLE


def test_our_own_work_is_nobody_s(machine):
    """What the agent does counts for nothing."""
    burner = machine.start("bash", "-c", BURNER)
    machine.look(Roles(agent=burner.pid))
    time.sleep(0.6)
    assert machine.look(Roles(agent=burner.pid))[Name.PROGRAMS].state is State.IDLE


def test_a_program_that_writes(machine):
    """Its bytes are counted by the kernel, whatever the file system."""
    machine.start(sys.executable, "-c", WRITER)
    found = machine.until(Name.FILES, State.BUSY)
    assert "writes files" in found.because


def test_a_sleeping_program_is_idle(machine):
    """It is there, and does nothing."""
    machine.start(sys.executable, "-c", "import time; time.sleep(600)")
    machine.until(Name.PROGRAMS, State.IDLE)


def test_typing_is_input_and_printing_is_not(tmp_path):
    """A terminal's input moves its access time, output does not; a session that is only open stays as it is."""
    leader, follower = pty.openpty()
    name = os.ttyname(follower)
    try:
        os.utime(name, (1000.0, 1000.0))
        os.write(follower, b"output\n")
        os.read(leader, 100)
        assert terminals.read(Path(name).parent)[f"pts/{Path(name).name}"] == 1000.0
        os.write(leader, b"ls\n")
        assert os.read(follower, 100) == b"ls\n"
        assert terminals.read(Path(name).parent)[f"pts/{Path(name).name}"] != 1000.0
    finally:
        os.close(leader)
        os.close(follower)


def test_a_last_message_reaches_a_terminal(tmp_path):
    """Whoever is logged in reads it; a folder without terminals is no trouble."""
    leader, follower = pty.openpty()
    try:
        (tmp_path / "7").symlink_to(os.ttyname(follower))
        (tmp_path / "8").symlink_to(tmp_path / "gone")
        terminals.tell(tmp_path, "stopping in 60 s")
        assert b"stopping in 60 s" in os.read(leader, 100)
        terminals.tell(tmp_path / "nowhere", "nobody")
    finally:
        os.close(leader)
        os.close(follower)


def test_what_is_not_there_is_not_available(tmp_path):
    """Never a zero: no terminals, no counters, no process table."""
    assert terminals.read(tmp_path / "pts").state is State.ABSENT
    assert network.traffic(tmp_path).state is State.ABSENT
    assert processes.read(tmp_path / "proc", Roles()).state is State.UNKNOWN


def test_interfaces_are_summed_and_loopback_is_not(tmp_path):
    """Both ways, all interfaces."""
    lines = ["Inter-|   Receive", " face |bytes", "    lo: 500 1 0 0 0 0 0 0 500 1 0 0 0 0 0 0"]
    lines += ["  eth0: 1000 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0", "eth1:3 1 0 0 0 0 0 0 4 1 0 0 0 0 0 0"]
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "dev").write_text("\n".join(lines))
    assert network.traffic(tmp_path) == 1027


def test_connections_of_this_pod_to_itself_do_not_count():
    """Its own loopback is seen by the kernel and left out; what was received is counted."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            held, _ = server.accept()
            client.sendall(b"x" * 1000)
            held.recv(1000)
            rows = [row for row in network._dump(socket.AF_INET) if row[1] == port]
            held.close()
    assert {row[0] for row in rows} >= {network.ESTABLISHED, network.LISTEN}
    assert [row[4] for row in rows if row[0] == network.ESTABLISHED] == [1000]
    assert all(row[3] for row in rows if row[0] == network.ESTABLISHED)
    assert not isinstance(network.connections(), Gap)


class Jupyter(BaseHTTPRequestHandler):
    """Answers as a notebook server does."""

    states = ("idle", "busy")

    def do_GET(self):
        good = self.path == "/lab/api/kernels" and self.headers["Authorization"] == "token secret"
        body = json.dumps([{"execution_state": state} for state in self.states]).encode()
        self.send_response(200 if good else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def jupyter(tmp_path):
    server = HTTPServer(("127.0.0.1", 0), Jupyter)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    (tmp_path / "proc" / "77").mkdir(parents=True)
    folder = tmp_path / "root" / notebooks.FOLDER
    folder.mkdir(parents=True)

    def write(**more):
        told = {"pid": 77, "port": server.server_address[1], "base_url": "/lab/", "token": "secret", **more}
        (folder / "jpserver-77.json").write_text(json.dumps(told))

    yield write
    server.shutdown()
    server.server_close()


def test_kernels_are_asked_of_jupyter_itself(tmp_path, jupyter):
    """One of two executes; a server that ended counts for nothing, one that is silent is unknown."""
    assert notebooks.read(tmp_path) == Kernels()
    jupyter()
    assert notebooks.read(tmp_path) == Kernels(2, 1)
    jupyter(token="wrong")
    assert notebooks.read(tmp_path).state is State.ABSENT
    jupyter(port=1)
    assert notebooks.read(tmp_path).state is State.UNKNOWN
    jupyter(pid=78)
    assert notebooks.read(tmp_path) == Kernels()
