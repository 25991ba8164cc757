"""The silence of a running job on a screen: only where there is any, with when it ends the attempt."""

from __future__ import annotations

from dataclasses import replace

from pod_client.rows import silence, status_rows
from pod_client.why import Times, document, rows
from pod_wire.codec import from_json, to_json
from pod_wire.idle import IdleStatus, Sign
from pod_wire.stall import StallStatus
from pod_wire.status import Phase, Status

SIGNS = (
    Sign("log", "silent", "Nothing new in the log.", since=400.0),
    Sign("GPU", "not available", "No GPU."),
)
TOLD = StallStatus(60.0, "No sign of life for 10 min: log silent.", 600.0, 4000.0, SIGNS)
STATUS = Status("1", 1000.0, Phase.RUNNING, stall=TOLD)
IDLE = IdleStatus(15.0, 30.0, "The pod is running.")


def test_silence_is_shown_with_its_end():
    """In `status`: what is silent, for how long, and when that ends the attempt."""
    assert dict(status_rows(STATUS, is_live=True))["silence"] == (
        "No sign of life for 10 min: log silent. It is ended in 50 min 00 s."
    )
    assert dict(status_rows(STATUS, is_live=False))["silence"] is None


def test_a_moment_of_silence_is_no_news():
    """Under a minute nothing is shown; an earlier stall always is, and an agent that tells nothing is no error."""
    assert silence(replace(STATUS, stall=replace(TOLD, silent_s=30.0))) is None
    assert silence(replace(STATUS, stall=replace(TOLD, minutes=0.0))) is None
    assert silence(replace(STATUS, stall=None)) is None
    earlier = replace(
        TOLD, silent_s=0.0, acts_at=None, because="The job is alive: CPU.", earlier="attempt 1 was stalled"
    )
    assert silence(replace(STATUS, stall=earlier)) == "The job is alive: CPU. (attempt 1 was stalled)"


def test_why_tells_each_sign():
    """A line for the brake and one for each sign; in JSON all of it; and it survives the wire."""
    told = [
        line for line in rows(STATUS, IDLE, Times(1000.0, 1000.0)) if line[0] in {"stall", "- log", "- GPU"}
    ]
    assert [line[:2] for line in told] == [
        ("stall", "silent"),
        ("- log", "silent"),
        ("- GPU", "not available"),
    ]
    assert told[0][3:5] == ("10 min 00 s", "60 min 00 s")
    assert document("p", STATUS)["stall"]["silent_s"] == 600.0
    assert from_json(Status, to_json(STATUS)) == STATUS
