"""The mirror of the log on stdout: masked, limited, gaps noted."""

from __future__ import annotations

import time

import pytest

from pod_agent.outputs.log import JobLog
from pod_agent.outputs.masked import MaskedLog
from pod_agent.outputs.mirror import Mirror
from pod_wire.clock import RealClock
from pod_wire.masker import Masker
from pod_wire.secrets import Secret
from tests.live import wait_for


class Hands:
    """A clock that is moved by hand."""

    def __init__(self):
        self.time = 1000.0

    def now(self):
        return self.time

    def monotonic(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


@pytest.fixture
def log(tmp_path):
    made = JobLog(tmp_path / "j")
    made.create()
    return made


def mirror_of(log, clock, out, **more):
    masked = MaskedLog(log, Masker([Secret("hf_abcdefghijkl")]), lambda: False)
    return Mirror(masked, out.append, clock, **more)


def test_it_copies_masked_bytes_as_they_come(log):
    """Each look writes what is new, with the secret as stars."""
    out = []
    mirror = mirror_of(log, Hands(), out, start=0)
    log.append(b"one hf_abcdefghijkl\n")
    assert mirror.step() == 0
    log.append(b"two\n")
    mirror.step()
    assert out == [b"one ***************\n", b"two\n"]


def test_a_new_agent_does_not_repeat_what_was_mirrored(log):
    """Without a start it begins with what comes next."""
    log.append(b"old\n")
    out = []
    mirror = mirror_of(log, Hands(), out)
    mirror.step()
    log.append(b"new\n")
    mirror.step()
    assert out == [b"new\n"]


def test_it_keeps_to_its_rate(log):
    """Over any stretch at most the rate, and one second's worth at once."""
    clock, out = Hands(), []
    mirror = mirror_of(log, clock, out, start=0, rate=1000)
    log.append(b"x" * 3500)
    mirror.step()
    assert sum(map(len, out)) == 1000
    clock.time += 0.5
    assert mirror.step() == 2000
    clock.time += 100
    mirror.step()
    assert sum(map(len, out)) == 2500


def test_far_behind_it_skips_to_the_newest_and_says_so(log):
    """More than four seconds behind, the middle is left out at a line's start, with its offsets."""
    clock, out = Hands(), []
    mirror = mirror_of(log, clock, out, start=0, rate=1000)
    log.append(b"0123456789" * 2)
    mirror.step()
    log.append(b"\n" + b"A line of twenty...\n" * 500)
    mirror.step()
    assert out[1].startswith(b"\npodkeep: ")
    assert b"left out here (offsets 20 to " in out[1]
    assert out[2].startswith(b"A line of twenty...\n")
    assert out[2].endswith(b"\n")
    assert mirror.step() == 0


def test_the_thread_mirrors_until_it_is_stopped(log):
    """What was written before the stop is written out before the thread ends."""
    out = []
    mirror = mirror_of(log, RealClock(), out, start=0)
    mirror.start()
    log.append(b"first\n")
    wait_for("the first line", lambda: out)
    log.append(b"last\n")
    mirror.stop()
    assert b"".join(out) == b"first\nlast\n"


def test_a_closed_stdout_does_not_end_it(log):
    """What cannot be written now is tried again later."""
    calls = []

    def write(data):
        calls.append(data)
        if len(calls) == 1:
            raise BrokenPipeError

    masked = MaskedLog(log, Masker([]), lambda: False)
    mirror = Mirror(masked, write, RealClock(), start=0)
    log.append(b"again\n")
    mirror.start()
    wait_for("a second try", lambda: len(calls) > 1)
    mirror.stop()
    assert calls == [b"again\n", b"again\n"]


def test_stopping_waits_for_no_beat(log):
    """A mirror that waits for its next look ends at once when it is told to."""
    log.append(b"one\n")
    took = []
    for _ in range(3):  # the best of three: another program may have the processor just then
        mirror = mirror_of(log, RealClock(), [], start=0)
        mirror.start()
        time.sleep(0.6)  # until it waits, behind its first look
        began = time.monotonic()
        mirror.stop(10)
        took.append(time.monotonic() - began)
    assert min(took) < 0.2
