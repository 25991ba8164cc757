"""RunPod's log stream as it arrives: any cut, any stranger in it."""

from __future__ import annotations

import pytest

from pod_wire.runpod.log_events import LogEvents, LogLine

STREAM = (
    b'id: 2026-06-01T12:02:03Z/000000000001\ndata: {"ts":"2026-06-01T12:02:03Z","source":"system","line":"pull"}\n\n'
    b': a comment\nid:2/2\r\ndata:{"ts":"t","source":"container",\r\ndata: "line":"\xc3\xa9\\n"}\r\n\r\n'
)
LINES = [
    LogLine("2026-06-01T12:02:03Z/000000000001", "2026-06-01T12:02:03Z", "system", "pull"),
    LogLine("2/2", "t", "container", "\u00e9\n"),
]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_pieces_may_be_cut_anywhere(size):
    """Lines come out whole, whatever the pieces are."""
    events = LogEvents()
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [line for piece in pieces for line in events.feed(piece)] == LINES


@pytest.mark.parametrize(
    "data",
    [b"", b"data: no json", b'data: {"line": 3}', b"data: [1]", b"event: ping", b"data: " + b"[" * 99999],
)
def test_what_is_no_line_is_passed_over(data):
    """And does not hurt the next one."""
    assert LogEvents().feed(data + b"\n\n" + STREAM) == LINES


def test_a_line_may_lack_all_but_its_text():
    """Time, source and id are shown when they are there."""
    assert LogEvents().feed(b'data: {"line":"x","ts":5}\n\n') == [LogLine("", "", "", "x")]
