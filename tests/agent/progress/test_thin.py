"""Lines that are passed over change nothing that people see: the last step, the epochs, the loss, the attempt."""

from __future__ import annotations

import json

import pytest

from pod_agent.progress import course, recognise, thin
from pod_agent.progress.lines import Line
from pod_agent.progress.reading import Began, Reading, Source

HEADER = "podkeep: attempt 2 of run abc, 2026-01-01 00:00:00 UTC: python train.py"


def plain(steps):
    return [f"step {i} loss {2.5 - i / 1e4:.4f} lr 3.0e-04 tokens/s 123456" for i in steps]


def as_json(steps):
    return [json.dumps({"step": i, "loss": 1 / (i + 1)}) for i in steps]


def bars(steps, total=5000):
    return [
        f"{i * 100 // total:3}%|{'#' * (i * 10 // total):10}| {i}/{total} [00:{i % 60:02}<01:00, 9.00it/s]"
        for i in steps
    ]


def mixed(*kinds):
    return [text for row in zip(*kinds, strict=True) for text in row]


def nested(texts):
    return [Line(text) for text in texts]


def known(texts, *, is_thinned):
    """What a course knows after these lines, all read at one moment."""
    told = nested(texts)
    found = [recognise.read(line) for line in (thin.lines(told) if is_thinned else told)]
    if is_thinned:
        found = thin.readings(found)
    seen = course.Course(run="abc")
    for one in found:
        if isinstance(one, Began):
            seen = course.began(seen, one)
        elif one is not None:
            seen = course.advance(seen, one, 1000.0)
    lead = course.leading(seen)
    return (
        lead and (lead.source, lead.step, lead.length),
        course.total(seen),
        (seen.epoch, seen.epochs, seen.attempt, seen.loss, seen.is_nan, seen.high, seen.scalars),
    )


LOGS = {
    "plain": plain(range(300)),
    "json": as_json(range(300)),
    "bars": bars(range(0, 4000, 10)),
    "json and a bar": mixed(as_json(range(200)), bars(range(200))),
    "few": plain(range(5)),
    "another attempt amid it": [*plain(range(200, 300)), HEADER, *plain(range(40))],
    "epochs with headers": [
        text for epoch in range(1, 4) for text in (f"Epoch {epoch}/3", *bars(range(1, 101), 100))
    ],
    "epochs in the line": [f"epoch {i // 50 + 1}/4 step {i % 50}/50 loss 0.{i:03}" for i in range(199)],
    "a loss that ends": [*plain(range(100)), *["step 100 loss nan lr 3.0e-04 tokens/s 1"] * 50],
    "an evaluation amid it": [*plain(range(100)), "eval_loss 1.5 step 99", *plain(range(100, 150))],
    "words without figures": [*["the cat sat on the mat"] * 100, *plain(range(90))],
}


@pytest.mark.parametrize("name", LOGS)
def test_nothing_that_people_see_is_lost(name):
    """The same step, total, epochs, loss and attempt as by looking at each line."""
    assert known(LOGS[name], is_thinned=True) == known(LOGS[name], is_thinned=False)


@pytest.mark.parametrize("name", ["plain", "json", "bars", "json and a bar"])
def test_of_many_lines_few_are_looked_at(name):
    """A hundred lines a second cost what five cost."""
    assert len(thin.lines(nested(LOGS[name]))) <= 12


def test_a_step_that_goes_back_is_seen():
    """The reading before it and the one after both stay."""
    steps = [*range(90, 100), *range(20)]
    found = thin.readings([Reading(Source.LINE, step=step) for step in steps])
    assert [one.step for one in found] == [90, 99, 0, 19]


def test_series_beside_each_other_go_on_each_for_itself():
    """A bar and lines, told in turn: both ends of both, in their order."""
    found = thin.readings(
        [Reading(source, step=i) for i in range(50) for source in (Source.LINE, Source.BAR)]
    )
    assert [(one.source, one.step) for one in found] == [
        (Source.LINE, 0),
        (Source.BAR, 0),
        (Source.LINE, 49),
        (Source.BAR, 49),
    ]
