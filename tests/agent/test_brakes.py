"""Deadlines and idleness: pure arithmetic with a boot's name on it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pod_agent.pod import brakes
from pod_agent.pod.brakes import HOUR_S as HOUR
from pod_agent.pod.brakes import Deadline
from pod_agent.pod.moment import Moment

YEAR = 365 * 24 * HOUR
SET = Deadline(100.0 + 2 * 3600, "b1", "o1", 2.0)
SOONER = Deadline(500.0, "b1", "o1", dollars=0.5, span_s=HOUR, words="at $0.5/h (POD_PRICE)")


def test_hours_count_from_the_beginning_of_the_boot():
    """Two hours of POD_MAX_HOURS end two hours after what is given as the beginning."""
    assert brakes.deadline(None, "b1", "o1", 2.0, 100.0) == SET


def test_a_container_restart_keeps_the_moment():
    """The same boot and order keep the deadline that was set, however late it is asked for again."""
    assert brakes.deadline(SET, "b1", "o1", 2.0, 5000.0) is SET


def test_an_earlier_boot_s_deadline_stops_nothing():
    """Another boot sets its own."""
    fresh = brakes.deadline(SET, "b2", "o1", 2.0, 9000.0)
    assert fresh is not None
    assert fresh.at == 9000.0 + 7200


def test_a_new_order_gets_its_own_hours():
    """Hours belong to an order on a boot."""
    assert brakes.deadline(SET, "b1", "o2", 1.0, 9000.0) == Deadline(12600.0, "b1", "o2", 1.0)


def test_off_is_off():
    """Without hours there is no deadline, whatever was set before."""
    assert brakes.deadline(SET, "b1", "o1", None, 0.0) is None


def test_deadlines_survive_the_disk_and_a_broken_file_does_not_matter():
    """What was written is read back, the earliest first for the last resort; what cannot be read is set anew."""
    assert brakes.load(brakes.dump(SET, None)) == (SET,)
    both = brakes.load(brakes.dump(SET, SOONER))
    assert (brakes.by_hours(both), brakes.by_dollars(both)) == (SET, SOONER)
    said = json.loads(brakes.dump(SET, SOONER))
    assert (said["at"], said["boot"], said["order"]) == (SOONER.at, "b1", "o1")
    assert brakes.dump(None, None) == b""
    for broken in (b'{"at": ', b'{"format": 99}', b"", b"\xff", b'{"at": 1, "boot": 2}', b"[]"):
        assert brakes.load(broken) == ()


def test_an_older_podkeep_s_file_is_a_deadline_by_hours():
    """It had one deadline, and no list of them."""
    old = b'{"at": 7300.0, "boot": "b1", "order": "o1", "hours": 2.0, "format": 1}'
    assert brakes.load(old) == (SET,)


@pytest.mark.parametrize(
    ("value", "wall", "mono", "left"),
    [
        (SET, SET.at - 5, 0.0, 5.0),  # known by the wall clock only
        (SET, SET.at + 5, 0.0, 0.0),  # past is past, never negative
        (replace(SET, mono=900.0), SET.at - 5, 800.0, 100.0),
        (replace(SET, mono=900.0), SET.at + YEAR, 800.0, 100.0),  # years ahead: the span says otherwise
        (replace(SET, mono=900.0), SET.at - YEAR, 900.0, 0.0),  # set back: nothing is gained
    ],
)
def test_what_is_left_is_a_span(value, wall, mono, left):
    """By the clock that never jumps where the deadline is known by it; never negative."""
    assert brakes.left_s(value, wall, mono) == left


@pytest.mark.parametrize("jump", [-3 * HOUR, -YEAR, 3 * HOUR, 10 * YEAR])
def test_a_clock_set_between_two_agents_moves_no_deadline(jump):
    """The next agent of the same kernel has as much left, and the disk gets the moment as its clock reads it."""
    first = brakes.anchored(SET, Moment(100.0, 50.0, "k"))
    again = brakes.anchored(first, Moment(100.0 + 600 + jump, 650.0, "k"))
    assert brakes.left_s(again, 100.0 + 600 + jump, 650.0) == 2 * HOUR - 600
    assert again.at == SET.at + jump


@pytest.mark.parametrize("kernel", ["other", ""])
def test_a_clock_that_begins_anew_is_no_clock_to_go_by(kernel):
    """After a start of the host, and where the kernel does not tell its name, the wall clock counts."""
    first = brakes.anchored(SET, Moment(100.0, 5000.0, kernel and "k"))
    again = brakes.anchored(first, Moment(100.0 + 600, 7.0, kernel))
    assert brakes.left_s(again, 700.0, 7.0) == 2 * HOUR - 600
    assert again.at == SET.at


def test_clocks_that_tremble_change_nothing_on_disk():
    """Two clocks are read one after the other: a part of a second is no jump."""
    first = brakes.anchored(SET, Moment(100.0, 50.0, "k"))
    assert brakes.anchored(first, Moment(100.2, 50.0, "k")) == first
    assert brakes.anchored(None, Moment(0.0, 0.0)) is None


@pytest.mark.parametrize(
    ("value", "left", "is_near"),
    [
        (replace(SET, mono=0.0), 0.21 * 2 * HOUR, False),
        (replace(SET, mono=0.0), 0.2 * 2 * HOUR, True),
        (replace(SOONER, mono=0.0), 0.21 * HOUR, False),
        (replace(SOONER, mono=0.0), 0.19 * HOUR, True),
    ],
)
def test_four_fifths_are_near(value, left, is_near):
    """A fifth of the hours, or of the dollars at the price, is left."""
    assert brakes.is_nearing(value, 0.0, -left) is is_near


def test_what_is_said_of_the_end():
    """Hours and dollars by the name of their setting; of dollars the price, and how to go on."""
    assert brakes.reason(SET) == "deadline: POD_MAX_HOURS=2 is over"
    assert brakes.reason(SOONER) == "budget: POD_MAX_COST=0.5 is spent, at $0.5/h (POD_PRICE)"
    assert "--max-cost" in brakes.remedy(SOONER)
    assert brakes.remedy(SET) == ""
    assert (brakes.kind(SET), brakes.kind(SOONER)) == ("deadline", "budget")


def test_idleness_counts_from_when_it_began():
    """Fifteen minutes are nine hundred seconds of a clock that never jumps; zero minutes is off."""
    assert brakes.idle_left(1000.0, 15.0, 1000.0) == 900
    assert brakes.idle_left(1000.0, 15.0, 2000.0) == 0
    assert brakes.idle_left(1000.0, 0.0, 1e9) is None
    assert brakes.idle_left(None, 15.0, 1e9) is None
