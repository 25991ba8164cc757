"""Never lose a log byte: 400,000 lines through two hundred cuts and twenty dead agents, byte for byte.

On a container the same in small: what differs there is where log and agent are, not how often they are met.
"""

from __future__ import annotations

import pytest

from tests.live import Simulator
from tests.story.cuts import TOKEN, Ordeal, follow_through, masked
from tests.story.seen import dice, note

pytestmark = pytest.mark.slow


IN_SMALL = Ordeal(lines=116_000, held_back=60_000, seconds=14.0, cuts=30, kills=4)


def test_no_byte_is_lost_or_repeated(laptop, tmp_path):
    """What the follower printed equals the masked file; each reconnect was amid the log, each kill owed bytes."""
    with Simulator.running(tmp_path / "sim", laptop.env) as simulator:
        outcome = follow_through(laptop, simulator, Ordeal(), dice("cuts"))
    assert_whole(outcome, Ordeal())


@pytest.mark.docker
def test_no_byte_of_a_container_is_lost_or_repeated(laptop, container_options, engine_variables, tmp_path):
    """The same of a job in a container, whose agent is killed there."""
    with Simulator.running(tmp_path / "sim", laptop.env | engine_variables, *container_options) as simulator:
        outcome = follow_through(laptop, simulator, IN_SMALL, dice("cuts of a container's log"))
    assert_whole(outcome, IN_SMALL)


def assert_whole(outcome, ordeal):
    note(
        f"{outcome.cuts} cuts, {outcome.kills} kills, {len(outcome.reconnects)} reconnects, {outcome.seconds:.0f} s"
    )
    assert outcome.code == 0
    assert outcome.cuts >= ordeal.cuts
    assert outcome.kills == ordeal.kills
    assert outcome.seconds >= 0.85 * ordeal.seconds
    assert [pair for pair in outcome.reconnects if not 0 < pair[0] <= pair[1]] == []
    assert outcome.met >= ordeal.cuts + ordeal.kills
    assert min(outcome.owed_at_kills) > 0
    assert outcome.log.count(TOKEN.encode()) > ordeal.lines / 300
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
