"""The idle brake by situations: what goes on at a pod, and the minute at which it stops or does not."""

from __future__ import annotations

import pytest

from tests.agent import idle_situations as machine
from tests.agent import idle_situations_people as people
from tests.agent.idle_pod import Pod

TABLES = (
    machine.JOBS, machine.GPUS, machine.PROGRAMS,
    people.PEOPLE, people.NETWORK, people.LEASES, people.AGENTS,
)  # fmt: skip
SITUATIONS = {name: (15.0, *line) for table in TABLES for name, line in table.items()} | people.SETTINGS


@pytest.mark.parametrize("name", SITUATIONS)
def test_situations(name):
    """The pod stops at the minute that the table says, and at no other."""
    minutes, spells, stops = SITUATIONS[name]
    assert Pod(minutes).play(*spells) == (stops if stops is None else pytest.approx(stops, abs=0.51))


def test_there_are_enough_of_them():
    """Sixty at least, no name twice."""
    assert len(SITUATIONS) == sum(map(len, TABLES)) + len(people.SETTINGS)
    assert len(SITUATIONS) >= 60
