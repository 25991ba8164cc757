"""The bodies of the fault routes."""

from __future__ import annotations

import pytest

from pod_sim import faults
from pod_sim.problems import Problem
from pod_sim.record import Faults


@pytest.mark.parametrize(("wish", "kept"), [(b"true", -1), (b"false", 0), (b"3", 3), (b"0", 0)])
def test_refusals_of_a_stop_are_counted_or_for_ever(wish, kept):
    """`refuse_stop` is a number of refusals, true for ever, or false."""
    assert faults.read_faults(b'{"refuse_stop": %s}' % wish, Faults(refuse_stop=9)).refuse_stop == kept


def test_what_is_not_named_stays():
    """Setting one fault leaves the others."""
    before = Faults(refuse_stop=2, refuse_read=True, proxy="404")
    after = faults.read_faults(b'{"graphql": "refuse"}', before)
    assert after == Faults(refuse_stop=2, refuse_read=True, proxy="404", graphql="refuse")


def test_a_kill_is_signal_9_unless_said():
    """The default of the kill route is SIGKILL."""
    assert faults.read_kill(b'{"pid": 7}') == faults.Kill(7, 9)
    assert faults.read_kill(b'{"pid": 7, "signal": 15}') == faults.Kill(7, 15)


def test_a_crash_keeps_both_unless_said():
    """By default the layer and startedAt survive a crash."""
    assert faults.read_crash(b"", Faults()) == Faults()
    assert faults.read_crash(b'{"layer": "wiped", "started_at": "moved"}', Faults()).crash_layer == "wiped"


@pytest.mark.parametrize("raw", [b'{"mode": "slow"}', b"{}", b'{"mode": "ok", "x": 1}', b"[]"])
def test_a_misspelt_fault_is_422(raw):
    """A test that misspells a fault learns it."""
    with pytest.raises(Problem) as caught:
        faults.read_proxy(raw)
    assert caught.value.status == 422
