"""A held pod, and what goes with one that is ended, as people read it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_client import holding, losing, why
from pod_client.receipt import Bill, receipt
from pod_client.rows import status_rows
from pod_wire.idle import IdleStatus
from pod_wire.proof import Keeps
from pod_wire.runpod.models import read_pod
from pod_wire.status import Held, JobStatus, Outcome, Phase, Status

HELD = Held(until=1900.0, minutes=30.0, by="somebody follows it")
JOB = JobStatus("digits", "h", Phase.FINISHED, outcome=Outcome.FAILED, reason="ImportError", held=HELD)
STATUS = Status(
    "1", 1000.0, Phase.FINISHED, job=JOB, stops_at=1900.0, stops_because="hold", price_per_hour=2.0
)
FREE = replace(STATUS, job=replace(JOB, held=None))


def test_whoever_followed_is_told_until_when_and_for_how_much():
    """In this laptop's time, whatever the pod's clock says; with the command that goes on and the one that ends it."""
    first, second = holding.lines(STATUS, "pod1", 5_000_000.0)
    assert "15 min 00 s from now, for $0.50 at most" in first
    assert "`pod-client up` again" in first
    assert "pod-client stop pod1" in second
    assert holding.lines(FREE, "pod1", 1.0) == ()


def test_an_unknown_price_is_left_out():
    """No figure stands for it."""
    assert "$" not in holding.lines(replace(STATUS, price_per_hour=None), "pod1", 1.0)[0]


def test_status_shows_it_while_the_pod_lives():
    """A pod that is off is held no more, whatever it said last."""
    assert dict(status_rows(STATUS, is_live=True))["held"].startswith("for 15 min 00 s more")
    assert dict(status_rows(STATUS, is_live=False))["held"] is None
    assert dict(status_rows(FREE, is_live=True))["held"] is None


def test_why_has_a_row_for_it():
    """It holds the pod until its moment."""
    idle = IdleStatus(15.0, 30.0, "x")
    times = why.Times(1000.0, 1000.0)
    rows = {row[0]: row for row in why.rows(STATUS, idle, times)}
    assert rows["held"][1] == "busy"
    assert "held" not in {row[0] for row in why.rows(FREE, idle, times)}


def test_what_the_policy_came_to_is_on_the_receipt():
    """auto's reason, with its figures, in receipt and status."""
    left = replace(FREE, job=replace(FREE.job, leave="auto: stop, as so"))
    assert "left        auto: stop, as so" in receipt(left, Bill("pod1", "EXITED", None, 20))
    assert ("left", "auto: stop, as so") in status_rows(left, is_live=True)


@pytest.mark.parametrize(
    ("mounts", "keeps"),
    [
        ({"persistent": {"size": 20, "path": "/workspace"}}, Keeps.DISK),
        ({"network": [{"volumeId": "v", "path": "/workspace"}]}, Keeps.NETWORK),
        ({}, Keeps.NOTHING),
        (None, Keeps.NOTHING),
    ],
)
def test_where_a_pod_s_work_lies_is_in_its_record(mounts, keeps):
    """A disk of its own, a network volume, or nothing that outlives a stop."""
    assert losing.keeps(read_pod({"id": "p", "status": "RUNNING", "mounts": mounts})) is keeps
