"""A run's journal becomes its boots: what was paid for in each, phase by phase. Histories as test data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_agent.progress.ledger import Stay
from pod_agent.run.receipt import story
from pod_wire.events import Entry

RUN = "r1"


def order(at, boot="b1", run=RUN):
    return Entry(at, "order", {"order": "o", "run": run, "boot": boot})


def phase(at, name, before="waiting", seconds=None):
    return Entry(at, "phase", {"phase": name, "from": before, "seconds": seconds})


def outcome(at, word="succeeded", reason="exit code 0"):
    return Entry(at, "outcome", {"outcome": word, "reason": reason})


def stop(at, because):
    return Entry(at, "stop_requested", {"because": because})


def told(entries, stays, lives=None):
    mine = story.of_run(entries, RUN)
    visits = story.visits(story.all_stays(stays, mine, RUN), mine)
    return [story.told(one, lives=one.stay.boot == lives) for one in visits]


def spans(boot):
    return {one.phase: one.seconds for one in boot.spells}


WHOLE = (
    order(103), phase(103, "syncing", seconds=0.5), phase(105, "installing"), phase(135, "restoring"),
    phase(136, "running"), phase(736, "draining"), phase(740, "finished"), outcome(740), phase(741, "stopping"),
    stop(741, "the job has succeeded"),
)  # fmt: skip
STAY = Stay(RUN, "abc", "b1", 100.0, 742.0, 0.36, gpu="1 x A4000")


def test_one_boot_from_its_start_to_its_stop():
    """Every paid second is in one phase, at the boot's price; how it ended and why it was stopped are words."""
    (boot,) = told(WHOLE, (STAY,))
    assert spans(boot) == {
        "boot": 3.0, "syncing": 2.0, "installing": 30.0, "restoring": 1.0, "running": 600.0, "draining": 4.0,
        "idle": 1.0, "stopping": 1.0,
    }  # fmt: skip
    assert sum(spans(boot).values()) == boot.seconds == 642.0
    assert (boot.pod, boot.gpu, boot.dollars) == ("abc", "1 x A4000", 0.0642)
    assert (boot.ending, boot.stop) == ("succeeded: exit code 0", "the job has succeeded")


def test_a_boot_that_was_killed_ends_where_it_was_seen_last():
    """The hours between two boots are nobody's; what the second one does before its job is its own beginning."""
    entries = (
        order(103), phase(103, "syncing"), phase(110, "running"),
        order(9004, "b2"), phase(9004, "syncing"), phase(9010, "running"), phase(9100, "finished"), outcome(9100),
    )  # fmt: skip
    first, second = told(entries, (STAY, Stay(RUN, "xyz", "b2", 9000.0, 9050.0, None)))
    assert spans(first) == {"boot": 3.0, "syncing": 7.0, "running": 632.0}
    assert (first.ending, first.stop) == (None, None)
    assert spans(second) == {"boot": 4.0, "syncing": 6.0, "running": 90.0, "idle": 0.0}
    assert (second.seconds, second.dollars, second.ending) == (100.0, None, "succeeded: exit code 0")
    total = {one.phase: (one.seconds, one.dollars) for one in story.total([first, second])}
    assert total["running"] == (722.0, None)
    assert list(total)[-1] == "idle"


def test_a_pod_that_waited_long_for_its_job_was_idle():
    """Minutes without a job are no start of one; a second of it is."""
    (boot,) = told((order(700), phase(700, "syncing", seconds=590.0)), (STAY,))
    assert spans(boot)["idle"] == 590.0
    assert spans(boot)["boot"] == 10.0


def test_only_the_runs_own_lines_count():
    """An earlier run of the job, and a later one, have their own story; a container restart is the same boot."""
    entries = (order(1, "b0", "old"), phase(2, "running"), *WHOLE[:6], order(737), phase(738, "draining"))
    assert [
        boot.boot for boot in told((*entries, order(800, "b3", "new"), phase(801, "syncing")), (STAY,))
    ] == ["b1"]
    assert story.of_run((phase(1, "running"),), RUN) == ()


def test_a_boot_that_no_ledger_knows_is_told_from_the_journal():
    """Its price is not known, and neither is its pod."""
    (boot,) = told(WHOLE, ())
    assert (boot.pod, boot.price_per_hour, boot.dollars) == (None, None, None)
    assert (boot.began_at, boot.seconds) == (103, 638.0)


def test_a_job_that_was_taken_up_again_has_not_ended():
    """A new order after an outcome, in the same boot."""
    (boot,) = told((*WHOLE[:8], order(800), phase(800, "syncing", "finished")), (STAY,), "b1")
    assert boot.ending is None


@pytest.mark.parametrize("back", [5, 500, 10_000])
def test_a_clock_that_was_set_back_makes_no_negative_spans(back):
    """Whatever the lines say of time, no phase has less than nothing, and none is counted twice."""
    entries = (*WHOLE[:5], phase(736 - back, "draining"), phase(740 - back, "finished"))
    for boot in told(entries, (STAY,)):
        assert all(one.seconds >= 0 for one in boot.spells)
        assert sum(spans(boot).values()) <= (boot.seconds or 0) + 1e-6


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["order", "phase", "outcome", "stop_requested", "odd"]),
            st.floats(-1e9, 1e12),
            st.dictionaries(
                st.sampled_from(["run", "boot", "phase", "from", "seconds", "outcome", "because"]),
                st.none() | st.sampled_from([RUN, "b1", "b2", "waiting", "running"]) | st.floats(0, 1e9),
            ),
        ),
        max_size=30,
    ),
    st.lists(st.tuples(st.sampled_from(["b1", "b2"]), st.floats(0, 1e10), st.floats(0, 1e10)), max_size=3),
)
def test_any_journal_can_be_told(lines, stays):
    """No line of a damaged or foreign journal raises."""
    entries = [Entry(at, kind, fields) for kind, at, fields in lines]
    known = {boot: Stay(RUN, "p", boot, began, seen, 1.0) for boot, began, seen in stays}
    for boot in told(entries, tuple(known.values())):
        assert all(one.seconds >= 0 for one in boot.spells)


@pytest.mark.parametrize(
    ("entries", "times", "kept"),
    [
        ((phase(5, "running"), stop(9, "why")), [5, 9], []),
        ((phase(5, "running"), order(7), phase(9, "running")), [5, 7, 9], [7, 9]),
        ((phase(5, "running"), order(7, run="new"), phase(8, "syncing")), [], []),
        ((phase(5, "running"), order(7, run="old"), order(8), phase(9, "syncing")), [8, 9], [8, 9]),
    ],
)
def test_what_stands_before_the_first_order_of_a_cut_journal(entries, times, kept):
    """It is the run's, unless that order is another run's; in a whole journal it is nobody's."""
    assert [entry.at for entry in story.of_run(entries, RUN, is_cut=True)] == times
    assert [entry.at for entry in story.of_run(entries, RUN)] == kept
