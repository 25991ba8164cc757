"""What a run costs, over boots and pods: tables of stays, ends and caps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_agent.progress import ledger
from pod_agent.progress.ledger import MOST, Ledger, Spent, Stay
from pod_agent.progress.money import cap_step, goodput, money
from pod_wire.codec import from_json, to_json
from pod_wire.status import Progress

HOUR = 3600.0
HALF_WAY = Progress(step=500, total=1000, rate=0.5, eta_s=1000.0, advanced_s=900.0)


def book(*stays):
    made = Ledger()
    for one in stays:
        made = ledger.seen(made, one)
    return made


def test_a_run_is_billed_over_boots_and_pods():
    """Each boot counts from its beginning to when it was seen last, at its own price; other runs do not count."""
    made = book(
        Stay("r1", "a", "b1", 0.0, HOUR, 2.0),
        Stay("r1", "a", "b2", 9 * HOUR, 9.5 * HOUR, 2.0),
        Stay("r1", "c", "b1", 20 * HOUR, 22 * HOUR, 0.5),
        Stay("r0", "a", "b0", 0.0, 99 * HOUR, 2.0),
    )
    assert ledger.spent(made, "r1") == Spent(2.0 + 1.0 + 1.0, 3.5 * HOUR, 0.0, 3)
    assert from_json(Ledger, to_json(made)) == made


def test_a_boot_that_is_seen_again_grows():
    """Its beginning stays, a clock that goes back takes nothing away, and a price once known stays known."""
    made = book(
        Stay("r1", "a", "b1", 100.0, 200.0),
        Stay("r1", "a", "b1", 150.0, 100.0 + HOUR, 1.0),
        Stay("r1", "a", "b1", 50.0, 120.0),
    )
    assert made.stays == (Stay("r1", "a", "b1", 100.0, 100.0 + HOUR, 1.0),)


def test_hours_without_a_price_are_said():
    """They are no dollars: the sum is the least that was spent, or nothing that can be said."""
    made = book(Stay("r1", "a", "b1", 0.0, HOUR), Stay("r1", "a", "b2", HOUR, 2 * HOUR, 1.0))
    known = ledger.spent(made, "r1")
    assert known == Spent(1.0, 2 * HOUR, HOUR, 2)
    assert ledger.spent(made, "r1", assumed=3.0).dollars == 4.0
    assert ledger.highest(made, "r1", 0.4) == 1.0
    assert money(1.0, 10.0, known, None).run == 1.0
    assert money(None, 10.0, Spent(0.0, HOUR, HOUR), None).run is None
    assert money(None, 10.0, Spent(), None).boot is None


def test_no_second_of_a_boot_is_billed_to_two_runs():
    """What another run of the same boot was billed for is known; other boots and pods do not count."""
    made = book(Stay("r1", "a", "b1", 100.0, 500.0, 1.0), Stay("r1", "c", "b1", 0.0, 70.0, 1.0))
    assert ledger.of_others(made, "r2", "a", "b1") == 400.0
    assert ledger.of_others(made, "r1", "a", "b1") == 0.0
    assert ledger.of_others(made, "r2", "a", "b2") == 0.0


def test_seconds_are_a_span_and_no_distance_of_moments():
    """A clock that is set years ahead or back between two looks makes no stay longer or shorter."""
    made = book(
        Stay("r", "a", "b1", 100.0, 400.0, 1.0, 300.0),
        Stay("r", "a", "b1", 9e9, 9e9, 1.0, 360.0),
        Stay("r", "a", "b1", -9e9, -9e9, 1.0, 400.0),
    )
    assert ledger.spent(made, "r").seconds == 400.0


def test_an_older_podkeep_s_stay_grows_by_spans_from_then_on():
    """It knew moments only: what lies between them is what was paid until then."""
    made = book(Stay("r", "a", "b1", 100.0, 400.0, 1.0), Stay("r", "a", "b1", 0.0, 500.0, None, 350.0))
    assert made.stays == (Stay("r", "a", "b1", 100.0, 500.0, 1.0, 350.0),)


def test_a_boot_that_ended_without_a_word_was_paid_for_a_little_longer():
    """Once; one that said its last word, and the boot at hand, are as they were written."""
    made = book(
        Stay("r", "a", "b1", 0.0, 100.0, 1.0, 100.0),
        Stay("r", "a", "b2", 0.0, 100.0, 1.0, 100.0, is_closed=True),
        Stay("r", "a", "b3", 0.0, 100.0, 1.0, 100.0),
    )
    once = ledger.settled(made, "b3", 15.0)
    assert [one.seconds for one in once.stays] == [115.0, 100.0, 100.0]
    assert ledger.settled(once, "b3", 15.0) == once


def test_two_books_become_one():
    """What another pod wrote meanwhile is kept beside what this one knows."""
    mine = book(Stay("r", "a", "b1", 0.0, HOUR, 1.0))
    other = book(Stay("r", "a", "b1", 0.0, 60.0, 1.0), Stay("r", "c", "b1", HOUR, 2 * HOUR, 1.0))
    assert ledger.spent(ledger.merged(other, mine), "r").dollars == 2.0
    assert ledger.merged(mine, Ledger()) == mine


def test_a_book_stays_small_and_forgets_no_dollar():
    """Of more boots than anybody has, the oldest of a run become one; another run's lone stay goes first."""
    made = book(
        Stay("r0", "a", "x", 0.0, 1.0, 1.0),
        *(Stay("r", "a", str(number), number, number + 1.0, 1.0 + number % 2) for number in range(MOST + 5)),
    )
    assert len(made.stays) == MOST
    assert ledger.spent(made, "r").seconds == MOST + 5
    assert ledger.spent(made, "r").dollars == pytest.approx((MOST + 5 + (MOST + 5) // 2) / HOUR)


@pytest.mark.parametrize(
    ("price", "spent", "cap", "progress", "step"),
    [
        (3.6, 1.0, None, HALF_WAY, None),  # no cap
        (3.6, 1.0, 1.5, HALF_WAY, 750),  # 0.5 dollars are 500 of the 1000 seconds that are left
        (3.6, 1.0, 2.5, HALF_WAY, None),  # the end comes first
        (3.6, 1.5, 1.5, HALF_WAY, 500),  # crossed already
        (None, 1.0, 1.5, HALF_WAY, None),  # the price is unknown
        (3.6, 1.0, 1.5, None, None),
        (3.6, 1.0, 1.5, Progress(step=500), None),  # the end is unknown
        (3.6, 1.0, 1.5, Progress(loss=0.5), None),
    ],
)
def test_where_the_cap_is_crossed(price, spent, cap, progress, step):
    """At this speed, at this step; nothing is said where it is not crossed or cannot be known."""
    assert cap_step(price, Spent(spent, HOUR), progress, cap) == step


def test_what_the_rest_costs():
    """The seconds that are left at the price of an hour; an absent price is no zero."""
    found = money(3.6, HOUR, Spent(7.2, 2 * HOUR), HALF_WAY, cap=10.0)
    assert (found.boot, found.run, found.to_finish, found.cap) == (3.6, 7.2, 1.0, 10.0)
    assert found.goodput == pytest.approx(0.125)
    assert money(None, HOUR, Spent(), HALF_WAY).to_finish is None


def test_goodput_is_unknown_before_a_step():
    """Before anything was read there is no share; afterwards it is never more than all."""
    assert goodput(Spent(0.0, HOUR), None) is None
    assert goodput(Spent(0.0, HOUR), Progress(loss=1.0)) is None
    assert goodput(Spent(), HALF_WAY) is None
    assert goodput(Spent(0.0, 100.0), HALF_WAY) == 1.0


@given(
    st.none() | st.floats(0, 1e5),
    st.none() | st.floats(-1e6, 1e9),
    st.builds(Spent, st.floats(0, 1e7), st.floats(0, 1e9)),
    st.none() | st.floats(0.01, 1e6),
    st.none() | st.floats(0, 1e9),
)
def test_money_is_always_numbers_that_json_knows(price, boot_s, spent, cap, eta_s):
    """No combination of what is known and unknown raises, or makes a step outside the training."""
    shown = Progress(step=5, total=10, eta_s=eta_s)
    found = money(price, boot_s, spent, shown, cap)
    to_json(found)
    assert found.cap_step is None or 5 <= found.cap_step <= 10
