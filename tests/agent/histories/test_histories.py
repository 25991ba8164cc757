"""Seeded histories of faults, crashes, restarts, set clocks and boots: what is promised holds in every one.

``pytest tests/agent/histories --seed 4711`` plays one again and shows it; ``make histories N=10000`` plays so many.
"""

from __future__ import annotations

import re
import shutil

import pytest

from tests.agent.histories import history
from tests.agent.histories.shrink import smaller
from tests.agent.histories.world import World, play
from tests.story.seen import note

QUICK = 100  # of them in every run
BLOCK = 10
NAMES = re.compile(r"[0-9a-f]{16}")


def pytest_generate_tests(metafunc):
    """Blocks of seeds, so that several workers share them; those beyond the first hundred are slow."""
    if "seeds" not in metafunc.fixturenames:
        return
    one = metafunc.config.getoption("--seed", None)
    count = metafunc.config.getoption("--histories", 1000)
    blocks = (
        [range(one, one + 1)]
        if one is not None
        else [range(i, min(i + BLOCK, count)) for i in range(0, count, BLOCK)]
    )
    marks = [[] if block.start < QUICK or one is not None else [pytest.mark.slow] for block in blocks]
    metafunc.parametrize(
        "seeds",
        [
            pytest.param(block, marks=mark, id=f"{block.start}-{block.stop - 1}")
            for block, mark in zip(blocks, marks, strict=True)
        ],
    )


def test_what_is_promised_holds(seeds, place):
    """Stopped a minute after the deadline or loudly trying, by no earlier deadline, and nothing finished runs again."""
    for seed in seeds:
        told = history.make(seed)
        found = play(told, place)
        if found:
            told, found = smaller(told, found, lambda one: play(one, place))
            note("\n".join([*told.lines(), "", *found]))
            pytest.fail(
                f"seed {seed}: {found[-1]}\nplay it again: pytest tests/agent/histories --seed {seed}"
            )


def test_a_seed_is_one_history(place):
    """Played twice, it is told in the same words, but for the names that agents make up."""
    stories = []
    for seed in (7, 7, 8):
        world = World(history.make(seed), place)
        world.play()
        shutil.rmtree(place)
        stories.append([NAMES.sub("…", line) for line in world.story])
    assert stories[0] == stories[1] != stories[2]
