"""Never lose a log byte: 300,000 lines through two hundred cuts and twenty dead agents, byte for byte."""

from __future__ import annotations

import pytest

from tests.live import Simulator
from tests.story.cuts import TOKEN, Ordeal, follow_through, masked
from tests.story.seen import dice, note

pytestmark = pytest.mark.slow


def test_no_byte_is_lost_or_repeated(laptop, tmp_path):
    """What the follower printed equals the masked file; each reconnect was amid the log, each kill owed bytes."""
    ordeal = Ordeal()
    with Simulator.running(tmp_path / "sim", laptop.env) as simulator:
        outcome = follow_through(laptop, simulator, ordeal, dice("cuts"))
    note(
        f"{outcome.cuts} cuts, {outcome.kills} kills, {len(outcome.reconnects)} reconnects, {outcome.seconds:.0f} s"
    )
    assert outcome.code == 0
    assert outcome.cuts >= ordeal.cuts
    assert outcome.kills == ordeal.kills
    assert outcome.seconds > 60
    assert [pair for pair in outcome.reconnects if not 0 < pair[0] <= pair[1]] == []
    amid = [pair for pair in outcome.reconnects if pair[0] < pair[1]]  # on a slow machine one may have it all
    assert len(amid) >= outcome.cuts + outcome.kills
    assert min(outcome.owed_at_kills) > 0
    assert outcome.log.count(TOKEN.encode()) > 1000
    assert outcome.log.count(b"line ") == ordeal.lines
    assert TOKEN.encode() not in outcome.printed
    assert outcome.printed == masked(outcome.log), first_difference(outcome.printed, masked(outcome.log))


def first_difference(printed, wanted):
    at = next((i for i, (a, b) in enumerate(zip(printed, wanted, strict=False)) if a != b), None)
    at = min(len(printed), len(wanted)) if at is None else at
    near = slice(max(0, at - 100), at + 100)
    return (
        f"{len(printed)} and {len(wanted)} bytes, other from {at} on: {printed[near]!r} for {wanted[near]!r}"
    )
