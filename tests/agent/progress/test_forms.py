"""Every form in which trainings tell their progress is read for what it says, and nothing else is taken for one."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pod_agent.progress import recognise
from pod_agent.progress.lines import LONGEST, MOST, Line, Lines
from pod_agent.progress.reading import Began, Reading, count, number
from tests.agent.progress.samples import LINES, NOTHING

WORDS = "step |iter|epoch|loss|:|=| |/|%||[|]|it [|{|}|'|1|- loss: |\u2501|nan|1e999|-|,|\t|of |<|s/it"
PIECES = st.sampled_from(
    [*WORDS.split("|"), "|", "9" * 50, '"', "%|", "\u0663", "\xb2", "global_step", "lm loss"]
)


def said(text, *, nested=False):
    found = recognise.read(Line(text, nested))
    assert not isinstance(found, Began)
    return None if found is None else (found.step, found.total, found.epoch, found.epochs, found.loss)


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_a_line_is_read_for_what_it_says(text, expected):
    """Step, total, epoch, epochs and loss are the line's."""
    assert said(text) == expected


@pytest.mark.parametrize("text", NOTHING)
def test_other_lines_say_nothing(text):
    """Downloads, tokenisers, settings and prose are no progress of a training."""
    assert said(text) is None


def test_a_loss_that_is_no_number_is_news():
    """NaN is read as such."""
    assert math.isnan(said("step 3 loss nan")[4])
    assert math.isnan(said('{"step": 3, "loss": NaN}')[4])


def test_our_own_header_begins_an_attempt():
    """The line that the keeper writes names attempt and run; no other line of ours is read."""
    text = "podkeep: attempt 2 of run r1, 2026-01-31 12:00:00 UTC: python train.py --steps 5"
    assert recognise.read(Line(text)) == Began(2, "r1")


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=60).map("".join)), st.booleans())
def test_no_line_raises(text, nested):
    """Whatever a line holds, it is read or it is not."""
    found = recognise.read(Line(text, nested))
    if isinstance(found, Reading):
        assert found.step is None or 0 <= found.step < 10**15
        assert all(math.isfinite(value) for _, value in found.scalars)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=8).map("".join))
def test_the_longest_line_costs_little(piece):
    """No line of the longest length costs more than a fraction of a second, whatever it repeats."""
    text = (piece * LONGEST)[:LONGEST]
    began = time.thread_time()
    recognise.read(Line(text))
    assert time.thread_time() - began < 1.0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=20))
def test_lines_are_the_same_however_they_come(parts):
    """The log's bytes make the same lines in one piece and in many; each is bounded."""
    whole, pieces = Lines(), Lines()
    together = whole.feed(b"".join(parts))
    apart = [line for part in parts for line in pieces.feed(part)]
    assert together == apart[-MOST:]
    assert all(len(line.text) <= LONGEST for line in together)


def test_an_endless_line_is_cut():
    """A line without an end takes no memory beyond its bound, and lines are bounded in number."""
    lines = Lines()
    for _ in range(50):
        assert lines.feed(b"x" * 100_000) == []
    assert len(lines.open().text) <= LONGEST
    assert len(lines.feed(b"\n" + b"step 1\n" * 5000)) == MOST


@pytest.mark.parametrize("text", ["1_000", "0x10", "\u0663", "1e", "--1", "", " ", "1" * 30, "½"])
def test_odd_numbers_are_none(text):
    """What Python or a person may take for a number is only one where a log would write it so."""
    assert number(text) is None
    assert count(text) is None
