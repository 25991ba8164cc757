"""A pod of any image that cannot get its agent: a reason, a few tries, and a request to stop the pod."""

from __future__ import annotations

import hashlib
import shutil
import signal
import sys
import zipfile

import pytest

from tests.client import bare_box
from tests.client.bare_box import OLD, SYSTEM_PYTHON
from tests.fakes.stop_server import StopServer
from tests.live import PATIENCE_S, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pods are Linux")

RECORDS = """#!/bin/sh
echo "$@" >>{folder}/asked
if [ -n "${{WGETRC:-}}" ]; then cat "$WGETRC" >{folder}/key; else cat >{folder}/key; fi
"""

DNF = """#!/bin/sh
echo "$*" >>{folder}/asked
case "$*" in *python3.12*) exit 1;; *python3.11*) ln -s {python} {folder}/programs/python3;; esac
"""


def test_an_image_without_any_means_says_so_and_ends(boxes):
    """No Python and nothing that could bring one: a reason, and on one's own machine the container's end."""
    box = boxes(python=None)
    box.begin()
    assert box.process.wait(PATIENCE_S) == 1
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


@pytest.mark.parametrize(("v2", "ways"), [(200, 1), (403, 2)])
def test_an_old_python_is_enough_to_stop_the_pod(boxes, v2, ways):
    """It cannot carry the agent, but it can ask, by a second way too; the key is in none of its arguments."""
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
    words = (box.folder / "words").read_text()
    assert f"{server.url}/v2/pods/pod-a/action" in words
    assert "key-of-the-pod" not in words + box.said


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
    assert box.process.wait(PATIENCE_S) == 143
