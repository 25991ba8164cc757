"""The receipt's totals: consistent with its boots, never more than was paid, and silent about what nobody knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.progress.course import Course
from pod_agent.progress.ledger import Ledger, Spent, Stay
from pod_agent.run.bill import Bill
from pod_agent.run.receipt.account import Books, receipt
from pod_agent.run.situation import State
from pod_agent.run.snapshot import PodFacts
from pod_agent.run.state import Ending, Job
from pod_wire.events import Entry
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import Attempt, Outcome, Phase, PhaseTime, Progress

SPEC = JobSpec("digits", "python train.py")
RUNNING = Job(SPEC, "o2", run="r1", run_began_at=100.0, boot="b2", accepted_at=5001.0)
FACTS = PodFacts(pod="abc", boot="b2", booted_at=5000.0, price=0.36, gpu="1 x A4000")
ENTRIES = (
    Entry(102.0, "order", {"run": "r1", "boot": "b1"}),
    Entry(102.0, "phase", {"phase": "running"}),
    Entry(217.0, "warning", {"text": "seen after the ledger was written"}),
    Entry(5001.0, "order", {"run": "r1", "boot": "b2"}),
    Entry(5001.0, "phase", {"phase": "running"}),
)
BOOKS = Books(
    ENTRIES, Ledger((Stay("r1", "xyz", "b1", 100.0, 210.0, 0.72), Stay("other", "xyz", "b0", 1.0, 90.0, 9.0)))
)


def told(job=RUNNING, facts=FACTS, books=BOOKS, now=5100.0, phase=Phase.RUNNING, **more):
    return receipt(State(phase=phase, job=job), job, facts, books, now, **more)


def test_the_total_is_the_sum_of_the_boots():
    """Seconds and dollars over all pods, each at its own price, to each one's last sign of life."""
    found = told()
    assert [(boot.pod, boot.seconds, boot.lives) for boot in found.boots] == [
        ("xyz", 117.0, False),
        ("abc", 100.0, True),
    ]
    assert found.paid_s == sum(one.seconds for one in found.phases) == 217.0
    assert found.dollars == pytest.approx(117 * 0.72 / 3600 + 100 * 0.36 / 3600, abs=1e-5)
    assert (found.outcome, found.stop, found.unpriced_s) == (None, None, 0.0)


def test_a_price_that_nobody_knows_is_no_zero():
    """Without any there are no dollars; with some, the rest is counted in seconds."""
    free = replace(FACTS, price=None)
    found = told(facts=free)
    assert (found.unpriced_s, found.boots[1].dollars) == (100.0, None)
    assert found.dollars == pytest.approx(117 * 0.72 / 3600)
    assert told(facts=free, books=Books()).dollars is None


def test_a_boot_that_is_not_settled_is_counted_from_the_order():
    """Where nobody could say when the pod began, the job's own beginning is the least."""
    found = told(facts=PodFacts(), books=Books(), job=replace(RUNNING, accepted_at=5040.0))
    assert (found.paid_s, found.dollars, found.boots[0].pod) == (60.0, None, "here")


def test_without_a_journal_the_record_tells_the_phases():
    """What the job's own record knows of its phases stands in."""
    job = replace(RUNNING, phases=(PhaseTime(Phase.SYNCING, 5010.0, 20.0), PhaseTime(Phase.RUNNING, 5030.0)))
    assert [(one.phase, one.seconds) for one in told(job, books=Books()).phases] == [
        ("boot", 10.0), ("syncing", 20.0), ("running", 70.0),
    ]  # fmt: skip


def test_goodput_needs_steps_and_never_passes_one():
    """The share of all paid time, with what the reader knows of the run, or what the status does."""
    assert told().goodput is None
    course = Course(run="r1", high=5, advanced_s=1e9, loss=0.5)
    assert told(books=replace(BOOKS, course=course)).goodput is None, "no step was told"
    facts = replace(FACTS, told_of="r1", progress=Progress(step=5, advanced_s=108.5))
    assert told(facts=facts).goodput == 0.5
    assert told(facts=replace(facts, told_of="another")).goodput is None


@pytest.mark.parametrize(
    ("outcome", "spec", "because"),
    [
        (Outcome.SUCCEEDED, SPEC, "the job has succeeded"),
        (Outcome.SUCCEEDED, replace(SPEC, on_finish=ExitPolicy.KEEP), None),
        (Outcome.SUCCEEDED, replace(SPEC, on_finish=ExitPolicy.AUTO), None),  # it is not reckoned yet
        (Outcome.FAILED, SPEC, "the job has failed"),
        (Outcome.CANCELLED, SPEC, None),
        (Outcome.INTERRUPTED, SPEC, None),
        (Outcome.TIMED_OUT, SPEC, "why"),
    ],
)
def test_the_stop_is_foreseen_as_the_exit_policy_has_it(outcome, spec, because):
    """Whoever leaves with the outcome knows whether and why the pod is going to stop."""
    job = replace(RUNNING, spec=spec, ending=Ending(outcome, "why"), phase=Phase.DRAINING)
    found = told(job, phase=Phase.DRAINING)
    assert (found.stop.because if found.stop else None) == because
    assert (found.outcome, found.boots[-1].ending) == (outcome, f"{outcome.value.replace('_', ' ')}: why")


def test_the_span_from_end_to_request_is_the_attempts():
    """From the end that the keeper wrote down to the moment of asking; a clock that jumped back tells none."""
    job = replace(
        RUNNING, ending=Ending(Outcome.SUCCEEDED), attempts=(Attempt(1, started_at=5002.0, ended_at=5099.0),)
    )
    state = replace(
        State(phase=Phase.STOPPING, job=job), stop_because="the job has succeeded", entered_at=5099.2
    )
    assert receipt(state, job, FACTS, BOOKS, 5099.5).stop.after_s == 0.2
    assert receipt(state, job, FACTS, BOOKS, 5099.5, asked_at=5099.4).stop.after_s == 0.4
    assert receipt(state, job, FACTS, BOOKS, 5000.0, asked_at=5000.0).stop.after_s is None


@pytest.mark.parametrize("booted_at", [300.5, 305.5])
def test_a_boot_begins_with_its_own_first_word(booted_at):
    """Also where it came within two seconds of the last one's end, or its beginning is known only roughly."""
    entries = (
        *ENTRIES[:2],
        Entry(299.8, "outcome", {"outcome": "interrupted"}),
        Entry(301.0, "order", {"run": "r1", "boot": "b2"}),
        Entry(301.0, "phase", {"phase": "syncing"}),
    )
    found = told(facts=replace(FACTS, booted_at=booted_at), books=replace(BOOKS, entries=entries), now=311.0)
    assert [boot.ending for boot in found.boots] == ["interrupted", None]


def test_a_boot_that_was_billed_some_seconds_ago_is_told_to_this_moment():
    """Else it would have begun so much later, and what came first in it, as its set-up, would have cost nothing."""
    entries = (
        Entry(301.0, "order", {"run": "r1", "boot": "b2"}),
        Entry(301.0, "phase", {"phase": "installing"}),
        Entry(304.0, "phase", {"phase": "running"}),
    )
    bill = Bill("r1", "o2", Spent(), boot_s=5.5, at=306.0)
    facts = replace(FACTS, booted_at=300.5, bill=bill)
    (boot,) = told(facts=facts, books=Books(entries), now=311.0).boots
    assert (boot.began_at, boot.seconds) == (300.5, 10.5)
    assert [(spell.phase, spell.seconds) for spell in boot.spells] == [
        ("boot", 0.5),
        ("installing", 3.0),
        ("running", 7.0),
    ]
    assert bill.boot_s_by(300.0) == 5.5, "the clock was set back"
    assert bill.boot_s_by(9000.0) == 15.5, "or forward"
