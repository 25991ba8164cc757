"""The receipt on the laptop: exact, from any agent, and the last lines say what still bills."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_client.receipt import Bill, dollars, receipt, seconds, size, text, told_of
from pod_wire.codec import to_plain
from pod_wire.receipt import Receipt
from pod_wire.status import Attempt, CheckpointPlace, JobStatus, LogPlace, Outcome, Phase, PhaseTime, Status

JOB = JobStatus(
    "digits",
    "hash",
    Phase.FINISHED,
    commit="0123456789abcdef",
    attempts=(
        Attempt(1, None, 100.0, 112.5, None, "KILL", "killed by signal KILL from outside"),
        Attempt(2, None, 113.0, 130.0, 0, resumed_from="/w/ckpt-40", resumed_step=40),
    ),
    checkpoint=CheckpointPlace("ckpt-80", 80, 1_234_567, 129.0),
    phases=(PhaseTime(Phase.INSTALLING, 90.0, 10.0), PhaseTime(Phase.RUNNING, 100.0, 30.0)),
    log=LogPlace("l", 4096),
    outcome=Outcome.SUCCEEDED,
    reason="exit code 0",
)
STATUS = Status("0", 131.0, Phase.STOPPING, job=JOB, booted_at=30.0, cost=0.0123, price_per_hour=0.44)
OFF = Bill("abc", "EXITED", None, 20)

WHOLE = """
  outcome     succeeded: exit code 0
  job         digits, code 0123456789
  phases      installing       10.0 s   $0.0012
              running          30.0 s   $0.0037
  attempts    1 from the start, 12.5 s: killed by signal KILL from outside
              2 from step 40 (ckpt-40), 17.0 s: exit 0
  checkpoint  ckpt-80 (step 80, 1.2 MB)
  paid        $0.0123 for 1 min 41 s of GPU time
  wasted      set-up 10.0 s ($0.0012)
  log         4.1 kB
  pod         abc  stopped: its GPU is no longer billed
              its 20 GB disk is still billed, about $4.00 a month; to end that: pod-client rm abc
"""


def test_an_old_agents_status_is_a_receipt_too():
    """Phases, attempts, the step resumed at, checkpoint, cost and the pod, each on its line."""
    assert receipt(STATUS, OFF) == WHOLE


def test_the_agents_own_receipt_goes_before_the_status():
    """What came with the status is shown; one that cannot be read, of a newer podkeep, leaves the status."""
    own = Receipt(131.0, "digits", Phase.FINISHED, outcome=Outcome.SUCCEEDED, run="abcd1234", paid_s=60.0)
    shown = receipt(replace(STATUS, receipt=to_plain(own)), OFF)
    assert "run abcd1234" in shown
    assert "1 min" not in shown
    assert "60.0 s of GPU time; the price is not known" in shown
    for odd in ({"format": 2}, {"at": "then"}, {}):
        assert receipt(replace(STATUS, receipt=odd), OFF) == WHOLE


@pytest.mark.parametrize(
    ("bill", "said"),
    [
        (Bill("abc", "RUNNING", 0.44, 20), "this pod is still billed at $0.44/h"),
        (Bill("abc", "RUNNING", None, 20), "this pod is still billed at $0.44/h"),
        (Bill("abc", "gone", None, None), "nothing of it is billed any more"),
        (Bill("abc", "unknown", None, None), "it may still be billed"),
    ],
)
def test_what_still_bills_is_said(bill, said):
    """Whatever state the pod is in, its bill is told."""
    assert said in receipt(STATUS, bill)


def test_a_failure_shows_its_remedy_and_warnings_once():
    """Reason, remedy and each warning are there; a warning of pod and job alike is there once, and last."""
    job = replace(JOB, outcome=Outcome.FAILED, reason="exit code 3", remedy="look there", warnings=("w",))
    shown = receipt(replace(STATUS, job=job, warnings=("w",)), OFF)
    assert "failed: exit code 3" in shown
    assert "look there" in shown
    assert shown.count("warning") == 1
    assert shown.splitlines()[-1].split() == ["warning", "w"]


def test_a_pod_without_a_job_has_a_bill_only():
    """Nothing is made up of what nobody told."""
    assert told_of(Status("0", 1.0, Phase.WAITING)) is None
    assert text(None, Bill("abc", "gone", None, None)).split() == (
        ["pod", "abc", "removed:", "nothing", "of", "it", "is", "billed", "any", "more"]
    )


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_on_a_terminal_no_line_is_too_wide(width):
    """Long texts go on below themselves; a word that is wider than the screen, such as a path, stays whole."""
    job = replace(JOB, outcome=Outcome.FAILED, reason="word " * 60, remedy="do this " * 30)
    lines = receipt(replace(STATUS, job=job), OFF, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert len([line for line in lines if line.startswith("  outcome")]) == 1


def test_figures_are_short_and_true():
    """Seconds, dollars and sizes as people write them."""
    assert [seconds(value) for value in (0.04, 99.94, 245, 10_920)] == [
        "0.0 s",
        "99.9 s",
        "4 min 05 s",
        "3 h 02 min",
    ]
    assert [dollars(value) for value in (0.0, 0.00001, 0.0003, 0.69, 12.5)] == [
        "$0.00",
        "<$0.0001",
        "$0.0003",
        "$0.69",
        "$12.50",
    ]
    assert [size(value) for value in (12, 1234, 5_000_000_000)] == ["12 bytes", "1.2 kB", "5.0 GB"]
