"""What the Docker Engine is told and how its words are read; no engine is needed."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pod_sim.backends.choice import docker_pods, gateway_of, is_here
from pod_sim.backends.container import Launch
from pod_sim.backends.docker import LABEL, DockerPods, describe
from pod_sim.backends.docker_engine import USUAL_SOCKET, Engine
from pod_sim.environment import of_host_for_containers
from pod_wire.errors import BadInput, Broken, Unreachable

PORTS = {"22": 21_022, "70000": 27_000}


def launch(**changes) -> Launch:
    usual = {
        "folder": Path("/state/pods/p1"),
        "hostname": "p1-ab",
        "entrypoint": (),
        "command": (),
        "environment": {"A": "b=c"},
        "binds": ((Path("/state/with:colon"), "/workspace"),),
        "generation": 1,
        "tcp_ports": PORTS,
    }
    return Launch(**usual | changes)


@contextlib.contextmanager
def answering(folder: Path, *answers: bytes, forever: bool = False) -> Iterator[Engine]:
    """An engine that gives these answers, one to each question; ``forever``: and the last one from then on."""
    more = itertools.repeat(answers[-1]) if forever else ()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "d.sock"))
        door.listen()

        def serve() -> None:
            for answer in itertools.chain(answers, more):
                try:
                    guest, _ = door.accept()
                except OSError:
                    return
                with guest:
                    guest.recv(65536)
                    guest.sendall(answer)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield Engine(str(folder / "d.sock"))
        door.shutdown(socket.SHUT_RDWR)
    server.join(10)


def test_an_image_begins_as_it_says():
    """Without entrypoint and command nothing of the image's is replaced; given ones are, word by word."""
    plain = describe(launch(), "image", "host")
    assert ("Entrypoint" in plain, plain["Cmd"], plain["Env"]) == (False, None, ["A=b=c"])
    given = describe(launch(entrypoint=("sh", "-c"), command=("a b",)), "image", "host")
    assert (given["Entrypoint"], given["Cmd"]) == (["sh", "-c"], ["a b"])


def test_only_a_bridge_publishes_ports():
    """On 127.0.0.1, at the port that RunPod tells; a symmetrical port has its own number on both sides."""
    host, bridge = (describe(launch(), "image", network)["HostConfig"] for network in ("host", "mine"))
    assert (host["NetworkMode"], host["PortBindings"]) == ("host", {})
    assert bridge["PortBindings"] == {
        "22/tcp": [{"HostIp": "127.0.0.1", "HostPort": "21022"}],
        "27000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "27000"}],
    }
    assert bridge["Mounts"] == [{"Type": "bind", "Source": "/state/with:colon", "Target": "/workspace"}]
    assert bridge["RestartPolicy"] == {"Name": "no"}  # restarting is RunPod's business


@pytest.mark.parametrize(
    "known", [{}, {"IPAM": None}, {"IPAM": {"Config": []}}, {"IPAM": {"Config": [{"Subnet": "x"}]}}]
)
def test_a_network_without_a_gateway_is_no_bridge(known):
    """The network `host` has none, nor has one of another kind."""
    assert gateway_of(known) is None
    assert gateway_of({"IPAM": {"Config": [{"Gateway": "172.17.0.1"}]}}) == "172.17.0.1"


def test_an_address_is_here_or_not():
    """That of another machine is not."""
    assert is_here("127.0.0.1")
    assert not is_here("192.0.2.1")


def test_a_container_gets_no_path_of_this_machine():
    """Proxies and indexes are told; folders, HOME and PATH are not."""
    environ = {
        "PIP_INDEX_URL": "http://index",
        "PIP_CERT": "/etc/ca.pem",
        "HOME": "/root",
        "PATH": "/bin",
        "X": "y",
    }
    environ |= {"PIP_FIND_LINKS": "https://links /srv/wheels", "PIP_EXTRA_INDEX_URL": "file:///srv/index"}
    assert of_host_for_containers(environ) == {"PIP_INDEX_URL": "http://index"}


def test_no_proxy_stands_between_a_container_and_the_simulator():
    """On a bridge it is asked at the bridge's own address."""
    kept = of_host_for_containers({"http_proxy": "http://proxy"}, "172.17.0.1")
    assert kept["no_proxy"] == kept["NO_PROXY"] == "127.0.0.1,localhost,172.17.0.1"
    assert "no_proxy" not in of_host_for_containers({}, "172.17.0.1")


def test_an_engine_elsewhere_is_refused():
    """Its containers' processes are not this machine's."""
    assert Engine.at("").path == USUAL_SOCKET
    assert Engine.at("unix:///run/d.sock").path == "/run/d.sock"
    for address in ("tcp://10.0.0.1:2375", "ssh://box", "unix://", "nonsense"):
        with pytest.raises(BadInput):
            Engine.at(address)


def test_an_engine_that_is_away_is_said(tmp_path):
    """With its socket and what to do."""
    with pytest.raises(Unreachable, match="does not answer"):
        docker_pods({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}, None, None)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b'HTTP/1.1 500 No\r\nContent-Length: 17\r\n\r\n{"message":"why"}', Broken),
        (b"HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\n<html>", Broken),
        (b"garbage\r\n\r\n", Unreachable),
        (b"", Unreachable),
    ],
)
def test_an_engine_that_talks_nonsense_is_said(tmp_path, answer, what):
    """A refusal without words, no HTTP, a broken connection: one error each, no traceback."""
    with answering(tmp_path, answer) as engine, pytest.raises(what, match="cannot look"):
        engine.call("look", "GET", "/x")


def test_what_is_needed_and_missing_is_said(tmp_path):
    """A container that is looked for may be none; one that is started may not, nor its network, nor its image."""
    missing = b'HTTP/1.1 404 No\r\nContent-Length: 32\r\n\r\n{"message":"network mine is no"}'
    with answering(tmp_path, missing, missing) as engine:
        assert engine.call("look for it", "GET", "/containers/x/json") is None
        with pytest.raises(Broken, match="cannot start it: the Docker Engine says: network mine is no"):
            engine.call("start it", "POST", "/containers/x/start", is_needed=True)


def of_engine(folder: Path, pid: int) -> bytes:
    """How an engine describes the container of a folder's pod."""
    known = {"Id": "c1", "State": {"Pid": pid}, "Config": {"Labels": {LABEL: str(folder)}}}
    said = json.dumps(known).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)


GONE = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("whose", ["nobody's", "this machine's"])
def test_a_container_of_another_machine_is_not_taken_for_a_process_of_this_one(tmp_path, whose):
    """An engine in a virtual machine has pids of its own; a process here that has that number is never signalled."""
    pid = os.getpid() if whose == "this machine's" else 1 << 29
    with answering(tmp_path, *[of_engine(tmp_path, pid)] * 2, forever=True) as engine:
        pods = DockerPods(engine, None, "host", notice_s=0.2)
        with pytest.raises(Broken, match="its processes are not on this machine"):
            pods.find(tmp_path, 1)


def test_a_container_that_has_just_ended_is_none(tmp_path):
    """The engine may call it alive for another moment."""
    alive, ended = of_engine(tmp_path, 1 << 29), of_engine(tmp_path, 0)
    with answering(tmp_path, alive, GONE, alive, ended, forever=True) as engine:
        assert DockerPods(engine, None, "host").find(tmp_path, 1) is None


@pytest.mark.parametrize(
    "options",
    [
        ("--image", "x"),
        ("--network", "host"),
        ("--backend", "docker", "--entrypoint", "x"),
        ("--backend", "lxc"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, options):
    """Are refused before anything is made."""
    argv = [sys.executable, "-m", "pod_sim", "--state", str(tmp_path / "s"), *options]
    done = subprocess.run(argv, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert (done.returncode, (tmp_path / "s").exists()) == (2, False)
