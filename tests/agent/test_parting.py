"""What is found out when a job has drained: who follows, how the pod is left; and what of it stands in the log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod.brakes import Deadline
from pod_agent.progress.ledger import Spent
from pod_agent.run import events as e
from pod_agent.run.bill import Bill
from pod_agent.run.parting import LAG_S, READ_S
from pod_agent.run.situation import State
from pod_agent.run.snapshot import PodFacts
from pod_agent.run.state import Ending
from pod_wire.job import ExitPolicy
from pod_wire.status import Attempt, Held, Outcome, Phase, Progress
from tests.agent.parting_place import FAILED, SPEC, Place, Visitors, ago
from tests.live import wait_for


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    made.clock.advance(1000.0)
    return made


WHO = {
    "it was asked a second ago": (lambda p: Visitors(0.0, ago(p, 1)), "somebody follows it", None),
    "it was asked long ago": (lambda p: Visitors(0.0, ago(p, 61)), None, None),
    "nobody ever asked": (lambda _: Visitors(0.0), None, None),
    "HTTP came up just now": (lambda p: Visitors(ago(p, 8)), None, 82.0),
    "HTTP is not up yet": (lambda _: Visitors(), None, 90.0),
}


@pytest.mark.parametrize("case", WHO)
def test_who_follows(place, case):
    """Readers of the last minute; where nobody could ask yet, there is time to come."""
    visitors, by, come_s = WHO[case]
    place.visitors = visitors(place)
    held = place.partings().of(FAILED).held
    now = place.clock.now()
    if by is None and come_s is None:
        assert held is None
        assert b"held" not in place.log
    else:
        assert (held.until, held.minutes, held.by) == (now + 1800.0, 30.0, by)
        assert held.come_by == (None if come_s is None else pytest.approx(now + come_s, abs=0.5))
        assert b"the pod is held until" in place.log


HOURS = Deadline(0.0, "b", "o", hours=1.0)
LIMITS = {
    "hours": ((600.0, None), 600.0),
    "dollars": ((None, 600.0), 600.0),
    "dollars before hours": ((900.0, 600.0), 600.0),
    "hours before dollars": ((600.0, 900.0), 600.0),
    "neither is near": ((7200.0, 7200.0), 7200.0),
    "the dollars are spent": ((900.0, 0.0), None),
}


@pytest.mark.parametrize("case", LIMITS)
@pytest.mark.parametrize("jump", [-1e6, 0.0, 1e6])
def test_it_is_held_no_longer_than_the_pod_may_last(place, case, jump):
    """By hours and by dollars, whichever is first; a clock that was set meanwhile changes neither."""
    place.visitors = Visitors(0.0, ago(place, 1))
    limits, left_s = LIMITS[case]
    wall, mono = place.clock.now() - jump, place.clock.monotonic()
    hours, dollars = (
        None if one is None else replace(HOURS, at=wall + one, mono=mono + one) for one in limits
    )
    job = replace(FAILED, deadline=hours)
    place.around.state = State(phase=Phase.DRAINING, job=job)
    if dollars is not None:
        bill = Bill("r1", "o", Spent(), 0.0, replace(dollars, hours=None, dollars=5.0))
        place.around.facts = PodFacts(bill=bill)
    held = place.partings().of(job).held
    if left_s is None:
        assert held is None
        return
    now = place.clock.monotonic()
    assert held.over_at == pytest.approx(min(mono + left_s, now + 1800.0))
    assert held.until == pytest.approx(place.clock.now() + held.over_at - now)


@pytest.mark.parametrize(("seconds", "is_held"), [(1, True), (117, True), (121, False)])
def test_who_types_into_a_terminal_follows_too(place, seconds, is_held):
    """Terminals are looked at every half minute while a job runs."""
    place.visitors = Visitors(0.0)
    place.typed(ago(place, seconds))
    held = place.partings().of(FAILED).held
    assert (held is not None and held.by == "somebody is logged in") is is_held


def test_a_log_that_takes_nothing_changes_no_decision(place):
    """On a full disk the pod is held all the same."""
    place.visitors = Visitors(0.0, ago(place, 1))

    def full(*_):
        raise OSError(28, "No space left on device")

    place.write = full
    assert place.partings().of(FAILED).held is not None


def test_nothing_is_asked_for_nothing_is_said(place):
    """Without POD_HOLD_MINUTES and with a plain policy the log ends as it did."""
    job = replace(FAILED, spec=replace(SPEC, hold_minutes=0.0))
    found = place.partings().of(job)
    assert (found.held, found.leave.policy, found.leave.because) == (None, ExitPolicy.STOP, "")
    assert place.log == b""


STEPPED = PodFacts(told_of="r1", progress=Progress(step=1, first_step_at=99.0, step_at=99.0))


def test_the_last_lines_are_read(place):
    """A step that was printed a moment before the end is read a moment after it."""
    place.visitors = Visitors(0.0, ago(place, 1))

    def read(_limit_s):
        place.around.facts = STEPPED
        return True

    place.read = read
    assert place.partings().of(FAILED).held is None
    assert place.clock.sleeps == []


@pytest.mark.parametrize("in_time", [True, False])
def test_a_training_that_printed_no_step_costs_one_look(place, in_time):
    """Nothing more can come of it, and a log that is not read in time is not waited for: the pod is billed."""
    place.visitors, place.reads = Visitors(0.0, ago(place, 1)), in_time
    assert place.partings().of(FAILED).held is not None
    assert (place.looks, place.clock.sleeps) == ([READ_S], [])


def test_a_reader_that_has_not_begun_is_waited_for(place):
    """A job that ends within a second of its start: HTTP comes first, then what reads its log."""
    place.visitors, place.reads = Visitors(0.0, ago(place, 1)), None
    sleep = place.clock.sleep

    def meanwhile(seconds):
        sleep(seconds)
        if len(place.clock.sleeps) == 3:
            place.reads, place.around.facts = True, STEPPED

    place.clock.sleep = meanwhile
    assert place.partings().of(FAILED).held is None
    place.reads, place.around.facts = None, PodFacts()
    began = place.clock.monotonic()
    assert place.partings().of(FAILED).held is not None
    assert place.clock.monotonic() - began == pytest.approx(LAG_S, abs=0.2)


PLAIN = replace(SPEC, hold_minutes=0.0, on_finish=ExitPolicy.STOP)
INDIFFERENT = {
    "a plain policy": replace(FAILED, spec=PLAIN),
    "auto, and it failed": replace(FAILED, spec=replace(PLAIN, on_finish=ExitPolicy.AUTO)),
    "a hold, and somebody stops the pod": replace(FAILED, stop_because="asked to stop"),
    "cancelled": replace(FAILED, ending=Ending(Outcome.CANCELLED)),
}


@pytest.mark.parametrize("case", INDIFFERENT)
def test_who_need_not_know_its_steps_asks_nobody(place, case):
    """Then nothing is waited for, and how the pod is left is as it would be."""
    assert place.partings().of(INDIFFERENT[case]) is not None
    assert (place.looks, place.clock.sleeps) == ([], [])


def test_a_pod_that_is_going_is_not_asked_how_it_is_left(place):
    """TERM leaves five seconds: before it is found out, or amid that, nobody waits for what nobody uses."""
    place.visitors = Visitors(0.0, ago(place, 1))
    place.around.state = State(leaving=True)
    assert place.partings().of(FAILED) is None
    assert (place.looks, place.clock.sleeps, place.log) == ([], [], b"")
    place.around.state, place.reads = State(), None
    sleep = place.clock.sleep

    def termed(seconds):
        place.around.state = State(leaving=True)
        sleep(seconds)

    place.clock.sleep = termed
    place.partings().of(FAILED)
    assert len(place.clock.sleeps) == 1


def test_where_the_workspace_lies_is_known_before_the_end(place, tmp_path):
    """Found out beside the training, once: a mount that hangs at the end is not asked again."""
    partings = place.partings()
    partings.look()
    found = partings._mount
    partings.of(FAILED)
    assert partings._mount is found


def test_auto_is_reckoned_with_what_the_pod_knows(place):
    """Price, disk and first step come from where the status has them; the finding stands in the log."""
    progress = Progress(step=5, first_step_at=160.0, step_at=170.0)
    place.around.facts = PodFacts(price=2.0, disk_gb=20.0, told_of="r1", progress=progress)
    job = replace(FAILED, ending=Ending(Outcome.SUCCEEDED), attempts=(Attempt(1, started_at=100.0),))
    found = place.partings().of(job)
    assert found.way_s == 60.0
    assert found.leave.because.startswith("auto: ")
    assert place.log == f"podkeep: {found.leave.because}\n".encode()
    of_another = replace(place.around.facts, told_of="r2")
    place.around.facts = of_another
    assert place.partings().of(job).way_s is None


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.INTERRUPTED, Outcome.TIMED_OUT])
def test_other_ends_leave_as_they_always_do(place, outcome):
    """Where the outcome alone decides, no policy is looked at; nor where there is no pod."""
    assert place.partings().of(replace(FAILED, ending=Ending(outcome))).leave is None
    place.pod = None
    assert place.partings().of(FAILED).leave is None


def test_whoever_comes_in_time_is_noticed(place):
    """A pod that is held for it says who came, once."""
    job = replace(FAILED, held=Held(place.clock.now() + 1800, 30.0, None, place.clock.now() + 90))
    place.around.state = State(phase=Phase.FINISHED, job=job)
    place.visitors = Visitors(ago(place, 0), ago(place, 0))
    place.partings().watch(place.clock.now() + 90)
    wait_for("it is noticed", lambda: place.around.posted)
    assert place.around.posted == [e.Followed("somebody follows it")]
