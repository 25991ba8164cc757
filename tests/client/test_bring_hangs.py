"""A pod of any image whose agent does not come: a package manager that hangs, and hours that are over."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.client.bare_box import OLD
from tests.fakes.stop_server import StopServer
from tests.live import PATIENCE_S, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pods are Linux")

HANGS = """#!/bin/sh
setsid sleep 120 &
echo $$ $! >>"$HOME/began"
wait
"""
SLEEP = """#!/bin/sh
case $1 in [34]) until [ -s "$HOME/began" ]; do {sleep} 0.05; done ;; esac
exec {sleep} "$@"
"""  # a limit of so many seconds begins with apt-get, however long this machine takes to come to that


@pytest.fixture
def box(boxes):
    """Its user is root, its Python can ask RunPod and no more, and its apt-get, as with dpkg, hangs in two sessions."""
    made = boxes(python=None)
    made.has("python3", OLD)
    made.has("id", "#!/bin/sh\necho 0\n")
    made.has("apt-get", HANGS)
    made.has("sleep", SLEEP.format(sleep=shutil.which("sleep")))
    (made.programs / "setsid").symlink_to(shutil.which("setsid"))
    return made


@pytest.fixture
def runpod():
    server = StopServer()
    yield server
    server.close()


def begin(box, runpod, **env):
    """As a pod, which tries once until it is told to end."""
    known = {
        "RUNPOD_POD_ID": "pod-a",
        "RUNPOD_API_KEY": "key-of-the-pod",
        "POD_RUNPOD_URL": f"{runpod.url}/v2",
    }
    box.begin(**known, PODKEEP_BRING_TRIES="1", PODKEEP_BRING_PAUSE="600", **env)


def began(box):
    """The processes of its apt-get."""
    try:
        return (box.folder / "began").read_text().split()
    except FileNotFoundError:
        return []


def living(pids):
    """Those that are not even zombies."""
    states = {}
    for pid in pids:
        try:
            states[pid] = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
    return [pid for pid, state in states.items() if state not in "ZX"]


def family(pid):
    """All that it began, and that they began; nothing of one that has ended."""
    try:
        children = Path("/proc", pid, "task", pid, "children").read_text().split()
    except OSError:  # gone since
        return []
    return [*children, *(grandchild for child in children for grandchild in family(child))]


def all_five(box):
    """The processes below PID 1 once the last of them is begun: the try, its apt-get with a child, the limit's two."""
    found = family(str(box.process.pid))
    return found if len(found) >= 5 else []


@pytest.mark.slow
def test_a_try_that_hangs_is_ended_with_all_that_it_began(box, runpod):
    """It counts as failed, and after the last one the pod is stopped."""
    begin(box, runpod, PODKEEP_BRING_LIMIT="4")
    box.says("RunPod took the request to stop this pod")
    assert "this try took longer than 4 s" in box.said
    assert len(runpod.stops) == 1
    assert len(began(box)) == 2
    wait_for("the end of its processes", lambda: not living(began(box)))
    assert box.process.poll() is None


@pytest.mark.slow
def test_the_hours_of_the_pod_end_it_too(box, runpod):
    """What hangs is ended when POD_MAX_HOURS is over, and is not tried again however many tries are left."""
    begin(box, runpod, POD_MAX_HOURS="00.00115")
    box.says("POD_MAX_HOURS=00.00115 is over")
    box.says("RunPod took the request to stop this pod")
    assert len(began(box)) == 2
    wait_for("the end of its processes", lambda: not living(began(box)))
    assert box.process.poll() is None


@pytest.mark.parametrize("hours", ["08.5", "0", ".", "x", "-1", "1e3", "9" * 30])
def test_hours_of_every_spelling_stop_nothing_at_once(boxes, hours):
    """What is no number is the agent's to refuse, with a reason."""
    box = boxes()
    box.begin(POD_MAX_HOURS=hours)
    box.says("waiting for the agent's files")
    assert "is over" not in box.said


def test_term_leaves_nothing_of_a_try(box, runpod):
    """Neither what it began nor what watches it lives on."""
    begin(box, runpod)
    wait_for("apt-get hangs", lambda: living(began(box)))
    watched = wait_for("what it began and what watches it", lambda: all_five(box))
    assert set(began(box)) < set(watched)
    box.process.send_signal(signal.SIGTERM)
    assert box.process.wait(PATIENCE_S) == 143
    wait_for("the end of its processes", lambda: not living(watched))
    assert runpod.stops == []
