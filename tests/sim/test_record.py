"""Statuses, what they allow, and the bill."""

from __future__ import annotations

import pytest

from pod_sim.record import Asked, Charge, PodRecord, PodStatus
from pod_wire.codec import from_json, to_json


def record(*charges: Charge) -> PodRecord:
    return PodRecord("p", "k", Asked("a", "i", 5), PodStatus.RUNNING, 1.0, "EU-RO-1", "0a", charges=charges)


@pytest.mark.parametrize(
    ("status", "actions"),
    [
        ("PROVISIONING", {"stop", "terminate"}),
        ("STARTING", {"stop", "terminate"}),
        ("RUNNING", {"stop", "restart", "terminate"}),
        ("EXITED", {"start", "terminate"}),
        ("ERROR", {"start", "terminate"}),
        ("TERMINATED", set()),
    ],
)
def test_each_status_allows_what_runpod_allows(status, actions):
    """The table of actions by status is RunPod's."""
    assert set(PodStatus(status).actions) == actions


def test_the_bill_is_by_the_second():
    """Whole seconds of every span count, at that span's price."""
    bill = record(Charge(0.0, 1800.9, 2.0), Charge(5000.0, None, 4.0))
    assert bill.cost(5900.2) == pytest.approx(1.0 + 1.0)


def test_a_record_survives_the_disk():
    """What is written is read back equal."""
    kept = record(Charge(0.0, None, 0.5))
    assert from_json(PodRecord, to_json(kept)) == kept
