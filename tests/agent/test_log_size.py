"""A log that grows large is told of in time, once."""

from __future__ import annotations

import pytest

from pod_agent.outputs.log_size import warning
from pod_agent.pod.scribe import Scribe
from pod_agent.run.folders import Folders
from pod_agent.run.outlet import Outlet
from pod_wire.masker import Masker
from tests.fakes.clock import FakeClock

GB = 10**9


@pytest.mark.parametrize(
    ("size", "free", "said"),
    [
        (0, 0, False),
        (1, 100 * GB, False),
        (10 * GB - 1, 100 * GB, False),
        (10 * GB, 100 * GB, True),
        (1, 0, True),
    ],
)
def test_a_tenth_of_the_free_space_is_large(size, free, said):
    """Decided by size and free space alone; an empty log is never large."""
    assert (warning("digits", size, free) is not None) is said


def test_the_words_tell_how_much_and_what_to_do():
    """Both figures, and that nothing is deleted."""
    text = warning("digits", 12 * GB, 80 * GB)
    assert "'digits' has 12.00 GB, and 80.00 GB are free" in text
    assert "deletes no log" in text


def test_a_large_log_is_told_of_once(tmp_path):
    """However often it is measured, and whatever it grows to; its place is told each time."""
    clock = FakeClock()
    folders = Folders(tmp_path / "ws", tmp_path / "disk", Scribe())
    places, warnings, asked = [], [], []
    outlet = Outlet(
        folders,
        Masker(()),
        clock,
        live=lambda: False,
        tell=places.append,
        write=lambda _: None,
        warn=warnings.append,
        free=lambda _: asked.append(clock.monotonic()) or 1000,
    )
    outlet.turn_to("digits")
    log = outlet.of("digits").log
    for _ in range(30):
        log.append(b"ten bytes\n")
        clock.advance(2.0)
        outlet.measure()
    outlet.close()
    assert [place.size for place in places[-2:]] == [290, 300]
    assert len(warnings) == 1
    assert [now - asked[0] for now in asked] == [0.0, 30.0]
