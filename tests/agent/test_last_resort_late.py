"""The last resort's deadlines as an agent writes them: hours and dollars, by both clocks; in Python and the shell."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pod_agent import last_resort as lr
from pod_agent.pod import brakes, moment
from pod_agent.pod.brakes import Deadline
from tests.agent.last_shell import Shell, pod

FAR_S = 9e6  # by which a wall clock is set; no deadline here is as far away


@pytest.fixture
def resort(server, tmp_path):
    """Whether the shell and Python stop a pod, in its boot b1, on which a training lives: this test."""
    run = Shell(server, tmp_path, "curl")
    disk, marks = tmp_path / "disk", tmp_path / "run"
    disk.mkdir()
    marks.mkdir()
    (disk / "boot.json").write_text('{"boot":{"id":"b1","booted_at":1.0,"tcp_ports":["22"]},"accepted":null}')
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    (marks / "keeper.pid").write_text(f"{os.getpid()} {fields[19]}\n")
    places = {"PODKEEP_DISK_DIR": str(disk), "PODKEEP_RUN_DIR": str(marks)}

    def stops(*deadlines):
        (disk / "deadline.json").write_bytes(brakes.dump(*deadlines))
        facts = lr.gather({**pod(server), **places}, (), lr.uptime(), time.time())
        server.asked.clear()
        said = run("6", "1", "7").stderr
        assert bool(server.stops) is ("goes on under its keeper" not in said)
        return bool(server.stops), lr.decide(facts).stop

    return stops


def deadline(left_s, *, set_by_s=0.0, boot="b1", kernel=None, **more):
    """So many seconds from now, of a pod whose wall clock was set since."""
    now = moment.Moment(time.time(), time.monotonic(), moment.kernel() if kernel is None else kernel)
    at = now.wall + left_s - set_by_s
    return Deadline(at, boot, "o", mono=now.mono + left_s, kernel=now.kernel, **more)


@pytest.mark.parametrize("first", ["hours", "dollars"])
def test_the_earlier_of_two_deadlines_counts(resort, first):
    """Whichever it is, and though the other one stands last in the file."""
    over, later = deadline(-60.0), deadline(3600.0)
    one, other = (over, later) if first == "hours" else (later, over)
    assert resort(one, Deadline(**{**as_fields(other), "dollars": 5.0})) == (True, True)
    assert resort(later, Deadline(**{**as_fields(later), "dollars": 5.0})) == (False, False)


def as_fields(value):
    return {name: getattr(value, name) for name in ("at", "boot", "order", "mono", "kernel")}


def test_a_deadline_of_another_boot_stops_no_training(resort):
    """A disk that outlived a stop, unseen."""
    assert resort(deadline(-60.0, boot="b0")) == (False, False)


@pytest.mark.parametrize("set_by_s", [FAR_S, -FAR_S])
def test_a_wall_clock_that_was_set_moves_no_deadline(resort, set_by_s):
    """Neither nearer nor further away, where the kernel's own clock tells."""
    assert resort(deadline(3600.0, set_by_s=set_by_s)) == (False, False)
    assert resort(deadline(-60.0, set_by_s=set_by_s)) == (True, True)


def test_another_kernel_s_clock_says_nothing(resort):
    """Then the wall clock alone counts; nor does one without a name say anything."""
    for kernel in ("another", ""):
        assert resort(deadline(3600.0, set_by_s=FAR_S, kernel=kernel)) == (True, True)
        assert resort(deadline(-60.0, set_by_s=-FAR_S, kernel=kernel)) == (False, False)
