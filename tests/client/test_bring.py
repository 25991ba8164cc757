"""A pod of any image gets its agent: only the right one, and once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from pod_client.bare.bundle import make_bundle
from pod_client.bare.start_command import HERE, start_command
from pod_wire import routes
from tests.client.bare_box import AGENT, DIGEST
from tests.live import PATIENCE_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pods are Linux")


@pytest.mark.slow
def test_the_agent_is_taken_from_the_laptop_and_begins(box):
    """It is laid out with a Python of its own, and the entrypoint becomes the very process that RunPod started."""
    habits = dict.fromkeys(("PIP_CONSTRAINT", "PIP_TARGET", "PIP_PREFIX", "PYTHONPATH"), "/no/such")
    box.begin("python", "a b.py", **habits)
    assert box.send() == 200
    box.says("the agent is here")
    box.says(f"begun as {box.process.pid}: python a b.py")
    box.process.send_signal(signal.SIGTERM)
    assert box.process.wait(PATIENCE_S) == 0
    assert "told" in box.said


@pytest.mark.slow
def test_a_restart_brings_nothing_and_a_wiped_disk_takes_what_the_workspace_keeps(box):
    """The laptop is needed once."""
    box.begin()
    box.send()
    box.says("the agent is here")
    box.end()
    box.begin()
    box.says(f"begun as {box.process.pid}")
    assert box.said.count("the agent was brought") == 1
    box.end()
    (box.folder / "opt").rename(box.folder / "gone")
    (box.folder / "opt").mkdir()
    box.begin()
    box.says("the agent's files are on the workspace")
    box.says(f"begun as {box.process.pid}")
    assert box.said.count("waiting for the agent's files") == 1


@pytest.mark.slow
def test_what_a_kill_left_half_made_is_made_anew(box):
    """A folder without its entrypoint is not trusted."""
    box.kept.parent.mkdir(parents=True)
    box.kept.write_bytes(AGENT)
    broken = box.home / "bin" / "python"
    broken.parent.mkdir(parents=True)
    broken.write_text("half")
    box.begin()
    box.says("the agent is here")


def test_only_what_the_start_command_names_is_taken(box):
    """Other bytes, another token, another name and too much are refused, and the listener goes on waiting."""
    box.kept.parent.mkdir(parents=True)
    box.kept.write_bytes(AGENT + b"!")
    box.begin()
    assert box.send(AGENT[:-1] + b"!") == 422
    assert box.send(token="another") == 401
    assert box.send(path=f"/agent/{'0' * 64}") == 409
    assert "is not what the start command names: not used" in box.said
    assert not (box.home / "share").exists()
    assert box.process.poll() is None


def test_who_asks_meanwhile_learns_what_is_wanted(box):
    """Every GET is answered as our client expects it, and tells nothing else."""
    box.begin()
    box.says("waiting for the agent's files")
    with socket.create_connection(("127.0.0.1", box.port), PATIENCE_S) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while piece := line.recv(4096):
            answer += piece
    head = answer.decode().lower()
    assert head.startswith("http/1.0 503")
    assert f"{routes.HEADER_API}: {routes.API_VERSION}".lower() in head
    assert f"{routes.HEADER_WANTS}: {DIGEST}".lower() in head
    program = (HERE / "__main__.py").read_text()
    assert routes.agent("{self.server.digest}") in program


def test_term_ends_it_while_it_waits(box):
    """A pod that is being stopped does not wait for its laptop."""
    box.begin()
    box.says("waiting for the agent's files")
    box.process.send_signal(signal.SIGTERM)
    assert box.process.wait(PATIENCE_S) == 143


def test_an_image_that_has_the_agent_starts_at_once(boxes):
    """Ours, or a second start: nothing is looked for, not even a Python."""
    box = boxes(python=None)
    entrypoint = box.home / "share" / "podkeep" / "entrypoint.sh"
    entrypoint.parent.mkdir(parents=True)
    entrypoint.write_text('#!/bin/sh\necho "begun: $*"\n')
    entrypoint.chmod(0o755)
    box.begin("one word", "two")
    assert box.process.wait(PATIENCE_S) == 0
    assert box.said == "begun: one word two\n"


@pytest.mark.slow
def test_a_workspace_that_hangs_holds_nothing_up(box):
    """Its copy is given five seconds, and the laptop is listened to."""
    box.kept.parent.mkdir(parents=True)
    os.mkfifo(box.kept)
    box.begin()
    try:
        box.says("waiting for the agent's files")
    finally:
        os.close(
            os.open(box.kept, os.O_WRONLY | os.O_NONBLOCK)
        )  # who was left behind there goes on, and ends


def test_the_bundle_is_the_same_bytes_each_time_and_holds_what_a_pod_needs():
    """Made by two programs it has one name; it holds no cache, no owner, no time and nothing of the client."""
    import io  # noqa: PLC0415
    import tarfile  # noqa: PLC0415

    one = make_bundle()
    other = "from pod_client.bare.bundle import make_bundle; print(make_bundle().digest)"
    said = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=True, cwd="/")
    assert said.stdout.strip() == one.digest
    with tarfile.open(fileobj=io.BytesIO(one.data)) as archive:
        entries = archive.getmembers()
    names = {entry.name for entry in entries}
    assert {"agent.lock", "site/pod_agent/__main__.py", "site/pod_wire/routes.py"} <= names
    assert {
        f"share/podkeep/{name}" for name in ("entrypoint.sh", "last_resort.sh", "last_resort.py")
    } <= names
    assert not [
        name for name in names if "pod_client" in name or "__pycache__" in name or name.startswith("/")
    ]
    assert {(entry.uid, entry.mtime) for entry in entries} == {(0, 0)}
    assert len(one.data) < 4_000_000


def test_the_start_command_is_small_and_holds_no_value_of_the_user_s():
    """A few kilobytes: it is kept by RunPod and read with every look at the pod."""
    start = start_command()
    assert start["entrypoint"] == ("/bin/sh",)
    assert start["cmd"][3] == make_bundle().digest
    assert len(json.dumps(start)) < 24_000


def test_the_scripts_are_clean():
    """Shellcheck finds nothing to say."""
    subprocess.run(["shellcheck", HERE / "bring.sh"], check=True)
