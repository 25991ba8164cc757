"""Noticing growth, with inotify and without."""

from __future__ import annotations

import os
import resource
import select
import time
from pathlib import Path

import pytest

from pod_agent.outputs.growth import Growth, Patience


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"")
    return path


def readable(growth):
    return bool(select.select([growth.fileno()], [], [], 0.5)[0])


def duplicate():
    """One more descriptor, or None where there are no more."""
    try:
        return os.dup(0)
    except OSError:
        return None


def append(path):
    with path.open("ab") as file:
        file.write(b"x")


def test_a_write_makes_the_descriptor_readable(file):
    """The kernel says so once per drained stretch of growth."""
    growth = Growth(file)
    assert not select.select([growth.fileno()], [], [], 0)[0]
    append(file)
    assert readable(growth)
    growth.drain()
    assert not select.select([growth.fileno()], [], [], 0)[0]
    growth.close()


def test_a_splice_counts_as_growth(file):
    """What the keeper moves from a pipe without reading it is noticed too."""
    source, sink = os.pipe()
    target = os.open(file, os.O_WRONLY)
    growth = Growth(file)
    try:
        os.write(sink, b"spliced")
        assert os.splice(source, target, 7) == 7
        assert readable(growth)
    finally:
        growth.close()
        for fd in (source, sink, target):
            os.close(fd)


def test_a_file_that_goes_away_is_noticed(file):
    """A follower learns of a lost log without waiting for the next look."""
    growth = Growth(file)
    file.unlink()
    assert readable(growth)
    growth.close()


def test_without_descriptors_it_waits_instead(file):
    """EMFILE leaves no event source; waiting still ends when the time is up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    Growth(file).close()  # whatever the first use loads is loaded
    used = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, hard))
        while (fd := duplicate()) is not None:
            taken.append(fd)
        growth = Growth(file)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)
    assert growth.fileno() is None
    began = time.monotonic()
    growth.wait(0.05)
    assert 0.04 < time.monotonic() - began < 5
    growth.drain()
    growth.close()


def test_a_file_that_is_not_there_is_no_error(tmp_path):
    """A watch that cannot be had is absent, not raised."""
    growth = Growth(tmp_path / "none")
    assert growth.fileno() is None
    growth.close()


def test_patience_doubles_up_to_a_second_and_is_short_again_after_growth():
    """The looks come at 50, 100, 200 ms … and then once a second."""
    patience = Patience()
    assert [patience.next() for _ in range(7)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    patience.grew()
    assert patience.next() == 0.05
