"""The receipt: exact, and the last lines say what still bills."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_client.receipt import Bill, dollars, receipt, seconds, size
from pod_wire.status import Attempt, CheckpointPlace, JobStatus, LogPlace, Outcome, Phase, PhaseTime, Status

JOB = JobStatus(
    "digits",
    "hash",
    Phase.FINISHED,
    commit="0123456789abcdef",
    attempts=(
        Attempt(1, None, 100.0, 112.5, None, "KILL", "killed by signal KILL from outside"),
        Attempt(2, None, 113.0, 130.0, 0, resumed_from="ckpt-40", resumed_step=40),
    ),
    checkpoint=CheckpointPlace("ckpt-80", 80, 1_234_567, 129.0),
    phases=(PhaseTime(Phase.INSTALLING, 90.0, 10.0), PhaseTime(Phase.RUNNING, 100.0, 30.0)),
    log=LogPlace("l", 4096),
    outcome=Outcome.SUCCEEDED,
    reason="exit code 0",
)
STATUS = Status("0", 131.0, Phase.STOPPING, job=JOB, cost=0.0123, price_per_hour=0.44)

WHOLE = """
  job         digits  (0123456789)
  outcome     succeeded: exit code 0
  phases      installing 10.0 s, running 30.0 s; together 40.0 s
  attempts    1, from the start, 12.5 s, killed by signal KILL from outside
              2, resumed at step 40 (ckpt-40), 17.0 s, exit 0
  checkpoint  ckpt-80 (step 80, 1.2 MB)
  log         4.1 kB
  cost        $0.0123 for this boot's GPU time at $0.44/h
  pod         abc  stopped: its GPU is no longer billed
              its 20 GB disk is still billed, about $4.00 a month; to end that: pod-client rm abc
"""


def test_a_receipt_is_exact():
    """Phases, attempts, the step resumed at, checkpoint, cost and the pod, each on its line."""
    assert receipt(STATUS, Bill("abc", "EXITED", None, 20)) == WHOLE


@pytest.mark.parametrize(
    ("bill", "said"),
    [
        (Bill("abc", "RUNNING", 0.44, 20), "this pod is still billed at $0.44/h"),
        (Bill("abc", "gone", None, None), "nothing of it is billed any more"),
        (Bill("abc", "unknown", None, None), "it may still be billed"),
    ],
)
def test_what_still_bills_is_said(bill, said):
    """Whatever state the pod is in, its bill is told."""
    assert said in receipt(STATUS, bill)


def test_a_failure_shows_its_remedy_and_warnings_once():
    """Reason, remedy and each warning are there; a warning of pod and job alike is there once."""
    job = replace(JOB, outcome=Outcome.FAILED, reason="exit code 3", remedy="look there", warnings=("w",))
    text = receipt(replace(STATUS, job=job, warnings=("w",)), Bill("abc", "EXITED", None, 20))
    assert "failed: exit code 3" in text
    assert "look there" in text
    assert text.count("warning") == 1


def test_figures_are_short_and_true():
    """Seconds, dollars and sizes as people write them."""
    assert [seconds(value) for value in (0.04, 99.94, 245, 10_920)] == [
        "0.0 s",
        "99.9 s",
        "4 min 05 s",
        "3 h 02 min",
    ]
    assert [dollars(value) for value in (0.0, 0.0003, 0.69, 12.5)] == ["$0.00", "$0.0003", "$0.69", "$12.50"]
    assert [size(value) for value in (12, 1234, 5_000_000_000)] == ["12 bytes", "1.2 kB", "5.0 GB"]
