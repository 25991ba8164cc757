"""Pods that are containers, on a real Docker Engine: what a stop, an exit, a crash and a killed simulator leave."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import machine_environment
from tests.image.engine import Engine
from tests.live import PATIENCE_S, Simulator, wait_for
from tests.sim.conftest import Account, wait_gone
from tests.sim.test_logs import Stream, asked, logs

pytestmark = [pytest.mark.docker, pytest.mark.slow]
MOUNT = {"persistent": {"size": 10, "path": "/workspace"}}
MARKS = """\
echo I am $(hostname); seen=$(ls /workspace /var/tmp | xargs); touch /workspace/mount /var/tmp/layer
echo marks: $seen.; sleep 600 & trap 'kill $!' TERM; wait"""

ASKS_AND_ANSWERS = r"""
use IO::Socket::INET; $| = 1;
my ($where, $path) = $ENV{POD_RUNPOD_URL} =~ m{http://([^/]+)(.*)};
my $ask = IO::Socket::INET->new(PeerAddr => $where) or die "cannot reach $where";
print $ask "GET $path/pods/$ENV{RUNPOD_POD_ID} HTTP/1.1\r\nHost: x\r\nUser-Agent: t\r\n";
print $ask "Authorization: Bearer $ENV{RUNPOD_API_KEY}\r\n\r\n";
print "asked ", scalar(<$ask>);
fork or $second = 1;
my $port = $second ? 22 : 8787;
my $at = $second ? ($ENV{POD_PORT} ? exit : 22) : ($ENV{POD_PORT} || 8787);
my $door = IO::Socket::INET->new(Listen => 9, LocalPort => $at, ReuseAddr => 1) or die "port $at: $!";
while (my $guest = $door->accept) {
    while (<$guest>) { last if /^\r?$/ }
    print $guest "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nport $port";
}
"""


@pytest.fixture(scope="module")
def options(engine: Engine, base_image: str) -> tuple[str, ...]:
    """What makes the simulator's pods containers."""
    return ("--backend", "docker", "--image", base_image)


@pytest.fixture(scope="module")
def own_environment(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The simulator's, which is told where the engine is."""
    kept = {name: engine.env[name] for name in ("DOCKER_HOST",) if name in engine.env}
    return machine_environment(tmp_path_factory.mktemp("home")) | kept


@pytest.fixture(scope="module")
def account(own_environment, options, tmp_path_factory) -> Iterator[Account]:
    """One simulator for these tests; in the end it leaves no container."""
    state = tmp_path_factory.mktemp("sim") / "state"
    with Simulator.running(state, own_environment, *options) as simulator:
        yield Account(simulator)


@pytest.fixture
def containers(engine: Engine) -> Callable[[str], list[str]]:
    """The engine's containers of a pod, running or not."""
    return lambda pod: engine.run("ps", "-aq", "--filter", f"name=podkeep-{pod}").stdout.split()


def lines(account: Account, pod: str) -> list[str]:
    return [line for line in account.console(pod).splitlines() if line]


def test_a_stop_loses_the_layer_and_keeps_the_mount(account, containers):
    """After stop and start only the mount's file is left; hostname and ports are new, and no second container is."""
    pod = account.running("bash", "-c", MARKS, mounts=MOUNT, ports=["22/tcp", "8787/http"])
    before = account.get(pod)
    account.says(pod, "marks: /var/tmp: /workspace:.")
    assert account.act(pod, "stop") == 200
    account.until_down(pod)
    wait_for("the container is gone", lambda: containers(pod) == [])
    account.act(pod, "start")
    said = account.says(pod, "marks: /var/tmp: /workspace: mount.")
    after = account.until_up(pod)
    assert after["ssh"]["direct"]["port"] != before["ssh"]["direct"]["port"]
    assert len({line for line in said.splitlines() if line.startswith("I am")}) == 2
    assert len(containers(pod)) == 1
    account.act(pod, "terminate")
    wait_for("nothing is left", lambda: containers(pod) == [])


def test_an_exited_start_command_runs_again_on_the_same_layer(account):
    """RunPod starts it again at once: RUNNING, with what the first one left on the container's disk."""
    pod = account.create("bash", "-c", "echo was $(ls /var/tmp); touch /var/tmp/layer; sleep 0.2")
    account.says(pod, "was layer\nwas layer")
    assert account.get(pod)["status"] == "RUNNING"
    account.act(pod, "terminate")


def test_an_exit_at_once_is_no_error(account):
    """A start command that ends before anybody looks is run again like any other."""
    pod = account.create("bash", "-c", "echo again; exit 3")
    account.says(pod, "again\nagain\nagain")
    assert account.get(pod)["status"] == "RUNNING"
    account.act(pod, "terminate")


@pytest.mark.parametrize(("layer", "left"), [("kept", "layer"), ("wiped", "")])
def test_a_crash_keeps_the_layer_or_not(account, layer, left):
    """As the fault says; the mount is kept in any case."""
    pod = account.running("bash", "-c", MARKS, mounts=MOUNT)
    account.says(pod, "marks: /var/tmp: /workspace:.")
    account.sim(pod, "crash", layer=layer, started_at="kept")
    account.says(pod, f"marks: /var/tmp:{' ' + left if left else ''} /workspace: mount.")
    account.act(pod, "terminate")


def test_two_pods_share_a_network_volume(account):
    """What one writes the other reads."""
    volume = {"network": [{"volumeId": "vol-of-both", "path": "/data"}]}
    one = account.running("bash", "-c", "echo word > /data/note; sleep 600", mounts=volume)
    other = account.running(
        "bash", "-c", "until cat /data/note; do sleep 0.1; done; sleep 600", mounts=volume
    )
    account.says(other, "word")
    for pod in (one, other):
        account.act(pod, "terminate")


def test_the_last_words_are_on_the_console(account):
    """PID 1 is asked to end by SIGTERM, and what it says then is read."""
    script = "trap 'for i in {1..2000}; do echo word $i; done; exit 0' TERM; echo ready; sleep 600 & wait"
    pod = account.running("bash", "-c", script)
    account.says(pod, "ready")
    account.act(pod, "stop")
    account.until_down(pod)
    assert lines(account, pod)[-2000:] == [f"word {number}" for number in range(1, 2001)]
    account.act(pod, "terminate")


def test_the_console_is_a_stream_that_can_be_taken_up_again(account, containers, engine):
    """A container's lines are events with numbers of their own; Last-Event-ID goes on behind the last one read."""
    script = "for i in 1 2 3; do echo line $i; done; until [ -e /run/go ]; do sleep 0.05; done; echo line 4; sleep 600"
    pod = account.running("bash", "-c", script)
    with logs(account, pod) as stream:
        assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
        seen = stream.until("line 3")
    said = [event["line"] for event in seen if event["source"] == "container"]
    assert said == ["line 1", "line 2", "line 3"]
    assert [int(event["id"].rpartition("/")[2]) for event in seen] == list(range(1, len(seen) + 1))
    with logs(account, pod, **{"Last-Event-ID": seen[-2]["id"]}) as stream:
        assert stream.event() == seen[-1]
    with asked(account, pod, **{"Last-Event-ID": seen[-1]["id"]}) as connection:
        (container,) = containers(pod)
        engine.run("exec", container, "touch", "/run/go")
        assert Stream(connection.getresponse()).event()["line"] == "line 4"
    account.act(pod, "terminate")


def test_a_stream_goes_on_over_a_stop_and_a_start(account):
    """Its reader has each line once, in order, from both containers; what was missed meanwhile is told first."""
    pod = account.running("bash", "-c", "trap 'echo bye; exit' TERM; echo hello; sleep 600 & wait")
    with logs(account, pod, "?source=container") as stream:
        last = stream.until("hello")[-1]
        account.act(pod, "stop")
        assert stream.event()["line"] == "bye"
        account.until_down(pod)
        account.act(pod, "start")
        assert stream.event()["line"] == "hello"
    with logs(account, pod, "?source=container", **{"Last-Event-ID": last["id"]}) as stream:
        assert [stream.event()["line"] for _ in range(2)] == ["bye", "hello"]
    account.act(pod, "terminate")


def test_what_ignores_a_stop_is_killed(account):
    """After five seconds nothing of it lives, whatever it forked."""
    script = "trap '' TERM; (setsid sleep 601 &); echo deaf; while :; do sleep 600; done"
    pod = account.running("bash", "-c", script)
    account.says(pod, "deaf")
    pids = [process["host_pid"] for process in account.processes(pod)]
    account.act(pod, "stop")
    account.until_down(pod)
    for pid in pids:
        wait_gone(pid)
    account.act(pod, "terminate")


def test_pids_inside_lead_to_processes(account):
    """A signal by the pid inside reaches that very process of the container."""
    pod = account.running("bash", "-c", "sleep 599 & echo child=$!; wait; echo ended; sleep 600")
    inside = int(account.says(pod, "child=").split("child=")[1].split()[0])
    account.sim(pod, "kill", pid=inside)
    account.says(pod, "ended")
    assert account.processes(pod)[0]["pid"] == 1
    account.act(pod, "terminate")


def test_the_pods_own_port_is_behind_the_proxy(account):
    """On this machine's network the pod listens where POD_PORT says, and asks RunPod where it is told to."""
    pod = account.running("perl", "-e", ASKS_AND_ANSWERS, ports=["8787/http"])
    account.says(pod, "asked HTTP/1.1 200 OK")
    wait_for("an answer", lambda: account.call("GET", f"/proxy/{pod}/8787/") == (200, "port 8787"))
    account.act(pod, "terminate")


def test_pods_on_a_bridge(own_environment, options, engine, tmp_path):
    """Each has ports of its own: the proxy leads into it, a tcp port is published, and it reaches RunPod."""
    name = f"podkeep-test-{os.getpid()}"
    engine.run("network", "create", "--driver", "bridge", name)
    try:
        with Simulator.running(tmp_path / "state", own_environment, *options, "--network", name) as simulator:
            account = Account(simulator)
            pods = [
                account.running("perl", "-e", ASKS_AND_ANSWERS, ports=["8787/http", "22/tcp"]) for _ in "ab"
            ]
            for pod in pods:
                account.says(pod, "asked HTTP/1.1 200 OK")
                wait_for(
                    "an answer",
                    lambda pod=pod: account.call("GET", f"/proxy/{pod}/8787/") == (200, "port 8787"),
                )
                port = account.get(pod)["ssh"]["direct"]["port"]
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S) as answer:
                    assert answer.read() == b"port 22"
    finally:
        engine.run("network", "rm", name)


@pytest.mark.parametrize("changes", [{"entrypoint": ["/no/such"]}, {"cmd": ["/no/such"]}])
def test_what_cannot_be_started_is_an_error(account, containers, changes):
    """ERROR, unbilled, the engine's reason in the system log, and no container left behind."""
    pod = account.create(**changes)
    wait_for("ERROR", lambda: account.get(pod)["status"] == "ERROR")
    assert account.get(pod)["cost"] == 0.0
    with logs(account, pod, "?source=system&tail=1") as stream:
        assert stream.event()["line"].startswith("error: cannot start the container: the Docker Engine says:")
    assert containers(pod) == []
    account.act(pod, "terminate")


def test_a_killed_simulator_loses_no_line(own_environment, options, tmp_path):
    """A pod goes on and ends while nobody reads; the next simulator has each line once, and starts the pod again."""
    state = tmp_path / "state"
    script = """for i in {1..200}; do echo line $i; sleep 0.005; done
    until [ -e /workspace/nobody-reads ]; do sleep 0.05; done
    for i in {201..400}; do echo line $i; sleep 0.005; done; [ ! -e /var/tmp/x ] || sleep 600; touch /var/tmp/x"""
    with Simulator.running(state, own_environment, *options) as simulator:
        account = Account(simulator)
        pod = account.running("bash", "-c", script, mounts=MOUNT)
        account.says(pod, "line 50")
        pids = [process["host_pid"] for process in account.processes(pod) if process["pid"] == 1]
        os.kill(simulator.pid, signal.SIGKILL)
        (state / "pods" / pod / "mount" / "nobody-reads").touch()
        wait_gone(pids[0])
        (state / "server.json").unlink()
    with Simulator.running(state, own_environment, *options) as simulator:
        account = Account(simulator)
        twice = [f"line {number}" for number in range(1, 401)] * 2
        wait_for("both lives on the console", lambda: lines(account, pod) == twice)
        assert account.get(pod)["status"] == "RUNNING"


def test_a_missing_image_is_said(own_environment, engine, tmp_path):
    """The simulator does not start with it; a pod that asks for one ends in ERROR with the reason."""
    done = Path(tmp_path / "state")
    with Simulator.running(done, own_environment, "--backend", "docker") as simulator:
        account = Account(simulator)
        pod = account.create(image="no/such-image:1")
        wait_for("ERROR", lambda: account.get(pod)["status"] == "ERROR")
        assert "image no/such-image:1 is not on this machine" in account.console(pod)
