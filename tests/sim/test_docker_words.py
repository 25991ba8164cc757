"""What the Docker Engine is told and how its words are read; no engine is needed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pod_sim.backends.choice import docker_pods, gateway_of, is_here
from pod_sim.backends.container import Launch
from pod_sim.backends.docker import describe
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
    assert of_host_for_containers(environ) == {"PIP_INDEX_URL": "http://index"}


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
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "d.sock"))
        door.listen()

        def serve() -> None:
            guest, _ = door.accept()
            guest.recv(65536)
            guest.sendall(answer)
            guest.close()

        server = threading.Thread(target=serve)
        server.start()
        with pytest.raises(what, match="cannot look"):
            Engine(str(tmp_path / "d.sock")).call("look", "GET", "/x")
        server.join(10)


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
