"""The user's own pattern or command: how long it may take, and when it is given up."""

from __future__ import annotations

import os
import signal

import pytest

from pod_agent.progress.asked import Asking, Pattern
from pod_agent.progress.lines import Line
from tests.live import PATIENCE_S, wait_for

EVIL = r"(?P<step>\d+)(a|a?)+$"


def test_a_pattern_that_never_ends_is_given_up():
    """It is killed when its time is over, that is said, and it is not asked again."""
    pattern = Pattern(EVIL, time_s=0.2)
    assert pattern.read([Line("1")])[0].step == 1
    assert pattern.read([Line("1" + "a" * 200 + "!")]) == [None]
    assert "longer than 0.2 s" in pattern.trouble
    assert pattern.read([Line("1")]) == [None]


@pytest.mark.slow
def test_a_pattern_that_had_to_wait_is_asked_again():
    """On a busy machine one answer is late: those lines are lost, and the next ones are read."""
    pattern = Pattern(r"(?P<step>\d+)", late_s=3.0)
    try:
        wait_for("a first answer", lambda: pattern.read([Line("1")])[0])
        os.kill(pattern._process.pid, signal.SIGSTOP)
        assert pattern.read([Line("2")]) == [None]
        assert pattern.trouble is None
        pattern._late_s = PATIENCE_S
        assert pattern.read([Line("3")])[0].step == 3
    finally:
        pattern.close()


def test_a_pattern_that_never_answers_is_given_up():
    """After three times in a row, and that is said."""
    pattern = Pattern(r"(?P<step>\d+)", late_s=0.0)
    assert [pattern.read([Line("1")]) for _ in range(4)] == [[None]] * 4
    assert "no answer within 0 s" in pattern.trouble


def test_a_pattern_gets_more_than_a_pipe_holds():
    """Hundreds of long lines go there and back."""
    pattern = Pattern(r"(?P<step>\d+) of (?P<total>\d+)", time_s=20.0)
    try:
        found = pattern.read([Line(f"{number} of 999 " + "\u2501" * 900) for number in range(400)])
    finally:
        pattern.close()
    assert [one.step for one in found] == list(range(400))


def test_the_user_s_command_says_it(tmp_path):
    """Its last line that says something counts; where it says nothing three times, that is said."""
    (tmp_path / "n").write_text("5")
    asking = Asking('echo "step $(cat n)/9"; echo bye', tmp_path, {"PATH": "/usr/bin:/bin"})
    found = asking.look(100.0)
    assert (found.step, found.total) == (5, 9)
    assert asking.look(110.0) is None
    silent = Asking("echo hello", tmp_path, None)
    assert [silent.look(100.0 * number) for number in range(1, 4)] == [None] * 3
    assert "3 times" in silent.trouble


def test_a_command_that_says_nothing_yet_is_asked_again(tmp_path):
    """Ever more rarely, never less than every five minutes; what it says an hour later counts, and then it is quick."""
    asking = Asking("echo >>asked; cat step", tmp_path, None)
    for now in range(0, 3600, 10):
        assert asking.look(float(now)) is None
    assert 12 <= (tmp_path / "asked").read_text().count("\n") <= 16
    (tmp_path / "step").write_text("step 5/9\n")
    assert next(found for now in range(3600, 3910, 10) if (found := asking.look(float(now)))).step == 5
    assert asking.trouble is None
    (tmp_path / "step").write_text("step 6/9\n")
    assert asking.look(3910.0 + 30.0).step == 6


def test_a_command_that_hangs_is_given_up(tmp_path):
    """Each time it holds up whoever asks: after three times in a row it is left alone, and that is said."""
    asking = Asking("sleep 60", tmp_path, None, time_s=0.1)
    for now in range(0, 3600, 100):
        assert asking.look(float(now)) is None
    assert "not asked again" in asking.trouble
    assert "longer than 0.1 s" in asking.trouble
