"""A pod of any image gets its agent: only the right one, once, and a pod that cannot get it is not billed for ever."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from pod_client.bare.bundle import make_bundle
from pod_client.bare.start_command import HERE, start_command
from pod_wire import routes
from tests.client import bare_box
from tests.client.bare_box import AGENT, DIGEST, Box
from tests.fakes.stop_server import StopServer
from tests.live import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pods are Linux")
SYSTEM_PYTHON = str(
    Path(sysconfig.get_path("stdlib")).parents[1] / "bin" / f"python3.{sys.version_info.minor}"
)


@pytest.fixture
def boxes(tmp_path):
    """Makes boxes; at the end nothing of them runs."""
    made: list[Box] = []

    def make(python: str | None = SYSTEM_PYTHON) -> Box:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        made.append(bare_box.make(tmp_path / str(len(made)), port, python))
        return made[-1]

    yield make
    for box in made:
        box.end()


@pytest.fixture
def box(boxes):
    return boxes()


@pytest.mark.slow
def test_the_agent_is_taken_from_the_laptop_and_begins(box):
    """It is laid out with a Python of its own, and the entrypoint becomes the very process that RunPod started."""
    habits = dict.fromkeys(("PIP_CONSTRAINT", "PIP_TARGET", "PIP_PREFIX", "PYTHONPATH"), "/no/such")
    box.begin("python", "a b.py", **habits)
    assert box.send() == 200
    box.says("the agent is here")
    assert f"begun as {box.process.pid}: python a b.py" in box.said
    box.process.send_signal(signal.SIGTERM)
    assert box.process.wait(30) == 0
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
    with socket.create_connection(("127.0.0.1", box.port), 10) as line:
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
    assert box.process.wait(10) == 143


def test_an_image_that_has_the_agent_starts_at_once(boxes):
    """Ours, or a second start: nothing is looked for, not even a Python."""
    box = boxes(python=None)
    entrypoint = box.home / "share" / "podkeep" / "entrypoint.sh"
    entrypoint.parent.mkdir(parents=True)
    entrypoint.write_text('#!/bin/sh\necho "begun: $*"\n')
    entrypoint.chmod(0o755)
    box.begin("one word", "two")
    assert box.process.wait(10) == 0
    assert box.said == "begun: one word two\n"


def test_an_image_without_any_means_says_so_and_ends(boxes):
    """No Python and nothing that could bring one: a reason, and on one's own machine the container's end."""
    box = boxes(python=None)
    box.begin()
    assert box.process.wait(10) == 1
    assert "this image lacks:" in box.said
    assert "neither apt-get nor dnf is here" in box.said or "its user is not root" in box.said
    assert "CANNOT BRING THE AGENT" in box.said


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_a_pod_that_cannot_get_its_agent_is_stopped(boxes, tool):
    """By whatever the image has; PID 1 stays, and the key is in no argument."""
    box = boxes(python=None)
    box.has(tool, RECORDS.format(folder=box.folder))
    box.begin(RUNPOD_POD_ID="pod1", RUNPOD_API_KEY="key-of-the-pod", POD_RUNPOD_URL="http://127.0.0.1:1/v2/")
    box.says("RunPod took the request to stop this pod")
    asked = (box.folder / "asked").read_text()
    assert "http://127.0.0.1:1/v2/pods/pod1/action" in asked
    assert '{"action": "stop"}' in asked
    assert "key-of-the-pod" not in asked
    assert "key-of-the-pod" in (box.folder / "key").read_text()
    assert box.process.poll() is None


RECORDS = """#!/bin/sh
echo "$@" >>{folder}/asked
if [ -n "${{WGETRC:-}}" ]; then cat "$WGETRC" >{folder}/key; else cat >{folder}/key; fi
"""


OLD = f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\nexec {SYSTEM_PYTHON} "$@"\n'


@pytest.mark.parametrize(("v2", "ways"), [(200, 1), (403, 2)])
def test_an_old_python_is_enough_to_stop_the_pod(boxes, v2, ways):
    """It cannot carry the agent, but it can ask, by the second way where the first is refused."""
    box = boxes(python=None)
    box.has("python3", OLD)
    server = StopServer(v2=v2)
    try:
        box.begin(RUNPOD_POD_ID="pod-a", RUNPOD_API_KEY="key-of-the-pod", POD_RUNPOD_URL=f"{server.url}/v2")
        box.says("RunPod took the request to stop this pod")
    finally:
        server.close()
    assert len(server.stops) == ways
    assert {agent for _, _, agent, _ in server.stops} == {"podkeep/0.1 (start)"}
    assert "key-of-the-pod" not in box.said


def test_a_stop_that_nobody_takes_is_said_louder(boxes):
    """The pod's id and what to do are on the console."""
    box = boxes(python=None)
    box.has("python3", OLD)
    server = StopServer(v2=403, graphql=403)
    try:
        box.begin(RUNPOD_POD_ID="pod-a", RUNPOD_API_KEY="key-of-the-pod", POD_RUNPOD_URL=f"{server.url}/v2")
        box.says("STOP THIS POD BY HAND, it is billed and cannot stop itself: pod pod-a")
    finally:
        server.close()
    assert box.process.poll() is None


def test_a_folder_that_cannot_be_written_is_a_reason(box):
    """It is not tried twice."""
    (box.folder / "opt").rmdir()
    (box.folder / "opt").write_text("no folder")
    box.begin()
    assert box.process.wait(300) == 1
    assert "cannot be written by user" in box.said
    assert "try 2" not in box.said


def test_a_full_disk_is_tried_again_and_said(box):
    """What cannot be put in place is a line and not a traceback."""
    (box.folder / "opt" / "podkeep.tar").mkdir()
    box.begin(PODKEEP_BRING_TRIES="1")
    box.send()
    assert box.process.wait(300) == 1
    assert "the agent's files cannot be put in place" in box.said
    assert "Traceback" not in box.said


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


@pytest.mark.slow
def test_a_dependency_of_another_hash_is_refused(boxes):
    """pip takes only what our lock names; the pod gives up with the reason, and has laid out nothing."""
    box = boxes()
    lock = f"strange==1.0 --hash=sha256:{'0' * 64}\n"
    agent = bare_box.tar({"agent.lock": lock, "share/podkeep/entrypoint.sh": bare_box.ENTRYPOINT})
    with zipfile.ZipFile(box.folder / "strange-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("strange.py", "")
        wheel.writestr(
            "strange-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n"
        )
        wheel.writestr("strange-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("strange-1.0.dist-info/RECORD", "")
    box.kept.with_name(f"{hashlib.sha256(agent).hexdigest()}.tar").parent.mkdir(parents=True)
    box.kept.with_name(f"{hashlib.sha256(agent).hexdigest()}.tar").write_bytes(agent)
    habits = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(box.folder), "PODKEEP_BRING_TRIES": "2"}
    box.begin(digest=hashlib.sha256(agent).hexdigest(), **habits)
    assert box.process.wait(300) == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in box.said
    assert "CANNOT BRING THE AGENT" in box.said
    assert not (box.home / "share" / "podkeep").exists()


DNF = """#!/bin/sh
echo "$*" >>{folder}/asked
case "$*" in *python3.12*) exit 1;; *python3.11*) ln -s {python} {folder}/programs/python3;; esac
"""


def test_another_package_manager_brings_python_too(boxes):
    """dnf is asked for the newest first, and for what else is missing."""
    box = boxes(python=None)
    (box.programs / "git").unlink()
    box.has("dnf", DNF.format(folder=box.folder, python=SYSTEM_PYTHON))
    (box.programs / "ln").symlink_to(shutil.which("ln"))
    box.begin()
    box.says("waiting for the agent's files")
    assert (box.folder / "asked").read_text().splitlines() == [
        "install -y git",
        "install -y python3.12",
        "install -y python3.11",
    ]


def test_term_is_heard_while_packages_are_installed(boxes):
    """PID 1 does not wait for its package manager."""
    box = boxes(python=None)
    box.has("dnf", f"#!/bin/sh\necho >{box.folder}/asked\nexec sleep 600\n")
    box.begin()
    wait_for("dnf runs", (box.folder / "asked").exists)
    box.process.send_signal(signal.SIGTERM)
    assert box.process.wait(10) == 143


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
