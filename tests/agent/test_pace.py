"""How often a folder is looked at: the machine's own hiccups must not blind the watch, nor a slow mount be worn out."""

from __future__ import annotations

import pytest

from pod_agent.outputs.pace import LOOK_S, Pace


def walks(pace, *spent):
    """Walks that take so long, each as soon as it is due. The pause after the last."""
    now = 100.0
    for seconds in spent:
        assert pace.is_walk_due(now)
        pace.walked(now, now + seconds)
        ended = now + seconds
        while not pace.is_walk_due(now):
            now += 0.25
    return now - ended


def test_a_quick_walk_is_made_every_second():
    """Nothing to spare: the next one is due a second later, and until then there is nothing to do."""
    pace = Pace()
    assert pace.is_walk_due(0.0)
    pace.walked(0.0, 0.004)
    assert not pace.is_walk_due(0.9)
    assert pace.rest_s(0.504) == pytest.approx(LOOK_S - 0.5)
    assert pace.is_walk_due(1.01)


@pytest.mark.parametrize("spent", [(0.2,), (0.002, 0.2), (0.2, 0.2, 0.002), (0.002, 3.0, 3.0)])
def test_a_machine_that_was_busy_blinds_nobody(spent):
    """A walk that took long once or twice, among quick ones or at the beginning, puts off no other."""
    assert walks(Pace(), *spent) == pytest.approx(LOOK_S, abs=0.3)


def test_a_folder_that_takes_long_is_walked_more_seldom():
    """A tenth of a second each time: one part in two hundred of the time. And never less than twice a minute."""
    assert walks(Pace(), 0.1, 0.1, 0.1) == pytest.approx(20.0, abs=0.3)
    assert walks(Pace(), 5.0, 5.0, 5.0) == pytest.approx(30.0, abs=0.3)


def test_what_changes_is_looked_at_between_two_walks():
    """While the next walk is far away; and more seldom too, where that takes long."""
    pace = Pace()
    for began in (0.0, 10.0, 20.0):
        pace.walked(began, began + 0.1)
    assert not pace.is_walk_due(21.2)
    assert pace.rest_s(21.2) <= 0
    for began in (22.0, 24.0, 26.0):
        pace.looked(began, began + 0.01)
    assert pace.rest_s(26.01) == pytest.approx(2.0)


def test_a_new_name_is_walked_for_where_walks_are_quick():
    """At once after a quick walk, in a twentieth of the time; not before the first, nor where they take long."""
    pace = Pace()
    assert not pace.may_walk_for_a_name(0.0)
    pace.walked(0.0, 0.01)
    assert pace.may_walk_for_a_name(0.5)
    assert not pace.may_walk_for_a_name(0.6)
    assert pace.may_walk_for_a_name(0.71)
    slow = Pace()
    slow.walked(0.0, 0.05)
    assert not slow.may_walk_for_a_name(5.0)


def test_where_nothing_happens_walks_are_seldom_until_something_does():
    """Three at the usual pace, then twice a minute; an event brings the next one a second after the last."""
    pace = Pace()
    for began in (0.0, 1.1, 2.2):
        assert pace.is_walk_due(began)
        pace.walked(began, began + 0.004, hears_all=True)
    assert not pace.is_walk_due(32.1)
    assert pace.is_walk_due(32.3)
    pace.walked(32.3, 32.304, hears_all=True)
    pace.stirred()
    assert not pace.is_walk_due(33.2)
    for began in (33.4, 34.5, 35.6):
        assert pace.is_walk_due(began)
        pace.walked(began, began + 0.004, hears_all=True)
    assert not pace.is_walk_due(65.5)


def test_between_two_seldom_walks_only_what_is_half_written_is_looked_at():
    """Nothing is awaited: it rests until the next walk. Something is: a look each second, as after any walk."""
    pace = Pace()
    for began in (0.0, 1.1, 2.2):
        pace.walked(began, began + 0.004, hears_all=True, awaits=False)
    assert pace.rest_s(2.204) == pytest.approx(30.0)
    pace.stirred()
    for began in (3.3, 4.4, 5.5):
        pace.walked(began, began + 0.004, hears_all=True, awaits=True)
    assert pace.rest_s(5.504) == pytest.approx(LOOK_S)


def test_who_does_not_hear_everything_walks_on():
    """What nobody says is found by walking, at the usual pace."""
    pace = Pace()
    for began in range(20):
        assert pace.is_walk_due(1.1 * began)
        pace.walked(1.1 * began, 1.1 * began + 0.004, hears_all=False)
