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
    assert ledger.spent(made, "r1") == Spent(2.0 + 1.0 + 1.0, 3.5 * HOUR, 0.0)
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
    assert known == Spent(1.0, 2 * HOUR, HOUR)
    assert money(1.0, 10.0, known, None).run == 1.0
    assert money(None, 10.0, Spent(0.0, HOUR, HOUR), None).run is None
    assert money(None, 10.0, Spent(), None).boot is None


def test_a_second_run_on_a_boot_begins_where_the_first_was_left():
    """No second of a boot is billed to two runs."""
    made = book(Stay("r1", "a", "b1", 100.0, 500.0, 1.0))
    assert ledger.begin(made, "r2", "a", "b1", booted_at=100.0, now=600.0) == 500.0
    assert ledger.begin(made, "r1", "a", "b1", booted_at=100.0, now=600.0) == 100.0
    assert ledger.begin(made, "r2", "a", "b2", booted_at=550.0, now=600.0) == 550.0
    assert ledger.begin(made, "r2", "a", "b2", booted_at=700.0, now=600.0) == 600.0


def test_two_books_become_one():
    """What another pod wrote meanwhile is kept beside what this one knows."""
    mine = book(Stay("r", "a", "b1", 0.0, HOUR, 1.0))
    other = book(Stay("r", "a", "b1", 0.0, 60.0, 1.0), Stay("r", "c", "b1", HOUR, 2 * HOUR, 1.0))
    assert ledger.spent(ledger.merged(other, mine), "r").dollars == 2.0
    assert ledger.merged(mine, Ledger()) == mine


def test_a_book_stays_small():
    """A run of more boots than anybody has keeps the newest."""
    made = book(*(Stay("r", "a", str(number), number, number + 1.0, 1.0) for number in range(MOST + 5)))
    assert len(made.stays) == MOST


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
