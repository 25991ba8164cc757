"""Keep leases as they are asked for: bodies and spans, good and bad."""

from __future__ import annotations

import pytest

from pod_wire.errors import BadInput
from pod_wire.idle import MOST_S, KeepAsk, read_keep, read_span


@pytest.mark.parametrize(
    ("body", "ask"),
    [
        ({"hours": 2, "because": " evaluation "}, KeepAsk(7200.0, "evaluation")),
        ({"hours": 0.5}, KeepAsk(1800.0)),
        ({"seconds": 90}, KeepAsk(90.0)),
        ({"seconds": 0}, KeepAsk(0.0)),
        ({"hours": None, "seconds": 5}, KeepAsk(5.0)),
        ({"hours": 168}, KeepAsk(MOST_S)),
    ],
)
def test_a_good_ask(body, ask):
    """Hours or seconds, a reason or none; zero ends every lease."""
    assert read_keep(body) == ask


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["hours"]),
        ({"hours": 1, "seconds": 1}, ["hours"]),
        ({"hours": -1}, ["hours"]),
        ({"hours": 169}, ["hours"]),
        ({"hours": True}, ["hours"]),
        ({"hours": "2"}, ["hours"]),
        ({"seconds": 10**400}, ["seconds"]),
        ({"seconds": float("nan")}, ["seconds"]),
        ({"hours": 1, "because": 5}, ["because"]),
        ({"hours": 1, "because": "a\nb"}, ["because"]),
        ({"hours": 1, "because": "x" * 301}, ["because"]),
        ({"minutes": 5, "because": []}, ["minutes", "hours", "because"]),
    ],
)
def test_every_mistake_is_named(body, fields):
    """All of them at once, by field, and no value is said."""
    with pytest.raises(BadInput) as error:
        read_keep(body)
    assert [mistake.field for mistake in error.value.mistakes] == fields


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), (" 2h ", 7200), ("1.5h", 5400), ("7d", MOST_S)]
)
def test_spans(text, seconds):
    """As people type them."""
    assert read_span(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "0m", "8d", "2 hours", "1e9d", "٣h٣"])
def test_bad_spans(text):
    """They are refused with a remedy."""
    with pytest.raises(BadInput, match="2h"):
        read_span(text)
