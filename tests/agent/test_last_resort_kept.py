"""The last resort and keep leases: a pod that somebody asked to keep is not stopped before that time is over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pod_agent.pod.idle.leases import Leases
from pod_wire.clock import RealClock
from pod_wire.idle import KeepAsk

PROGRAM = Path(__file__).parents[2] / "last_resort.sh"
HOUR_S = 3600.0


@pytest.fixture
def disk(tmp_path):
    """The container's disk of a pod in its boot b1."""
    place = tmp_path / "disk"
    place.mkdir()
    (place / "boot.json").write_text('{"boot":{"id":"b1","booted_at":1.0},"accepted":{"spec":{}}}')
    return place


def lease(disk, seconds, because="evaluation", boot="b1"):
    """Given by the agent's own hand."""
    leases = Leases(disk, RealClock(), lambda _: None)
    leases.booted(boot)
    leases.ask(KeepAsk(seconds, because))


def changed(disk, **more):
    kept = json.loads((disk / "keep.json").read_text())
    kept["leases"] = [{**one, **more} for one in kept["leases"]]
    (disk / "keep.json").write_text(json.dumps(kept, separators=(",", ":")))


def said(server, disk, **env):
    known = {
        "PATH": os.environ["PATH"],
        "PODKEEP_PYTHON": sys.executable,
        "PODKEEP_DISK_DIR": str(disk),
        "PODKEEP_RUN_DIR": str(disk.parent / "run"),
        "RUNPOD_POD_ID": "pod-a",
        "RUNPOD_API_KEY": "a-key",
        "POD_RUNPOD_URL": f"{server.url}/v2",
        "POD_COMMAND": "python train.py",
    }
    done = subprocess.run(
        ["bash", "-p", str(PROGRAM), "6", "0", "7"],
        env=known | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stderr


@pytest.mark.parametrize("because", ["evaluation", "", 'say "until":5,"over_at":9', "käse, and {braces}"])
def test_a_pod_that_is_kept_is_not_stopped(server, disk, because):
    """Whatever the reason is; nobody is asked, and the console says so."""
    lease(disk, 2 * HOUR_S, because)
    assert "somebody asked to keep the pod" in said(server, disk)
    assert server.asked == []


def test_the_longest_lease_counts(server, disk):
    """One that is over beside one that stands."""
    lease(disk, HOUR_S, "long")
    kept = json.loads((disk / "keep.json").read_text())
    over = {**kept["leases"][0], "until": 5.0, "over_at": 5.0, "because": "over"}
    (disk / "keep.json").write_text(
        json.dumps({**kept, "leases": [over, *kept["leases"], over]}, separators=(",", ":"))
    )
    assert "somebody asked" in said(server, disk)


def test_a_lease_that_is_over_holds_nothing(server, disk):
    """Nor does one that was let go, nor one of another boot, nor a file that is none."""
    lease(disk, HOUR_S)
    changed(disk, until=time.time() - 1, over_at=time.monotonic() - 1)
    assert "took the request" in said(server, disk)
    lease(disk, HOUR_S, boot="b0")
    assert "took the request" in said(server, disk)
    (disk / "keep.json").write_bytes(b"\xff{")
    assert "took the request" in said(server, disk)


def test_the_deadline_holds_all_the_same(server, disk):
    """A lease holds back idleness and nothing else."""
    lease(disk, 2 * HOUR_S)
    (disk / "deadline.json").write_text(json.dumps({"boot": "b1", "at": time.time() - 5}))
    assert "the deadline has passed" in said(server, disk)
    assert server.stops


def test_a_clock_that_is_set_lengthens_and_ends_no_lease(server, disk):
    """Where the kernel is the same, its own clock counts; after another kernel's beginning, the wall clock alone."""
    lease(disk, HOUR_S)
    changed(disk, until=time.time() - 86_400)
    assert "somebody asked" in said(server, disk)
    changed(disk, until=time.time() + 9 * HOUR_S, over_at=time.monotonic() - 1)
    assert "took the request" in said(server, disk)
    changed(disk, until=time.time() + HOUR_S / 2, over_at=time.monotonic() + 50 * HOUR_S)
    assert "somebody asked" in said(server, disk)
