"""Lines of the driver's watcher that come by themselves: who is told of them, and what a reader may not do."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

from pod_agent.pod.nvml import LEAD_S
from pod_agent.pod.vitals.gpu_child import GpuChild
from pod_agent.pod.vitals.sample import Gpus
from tests.fakes.nvml_replay import RECORDINGS, facts
from tests.live import wait_for


def test_a_line_asked_for_ahead_is_not_waited_for(watch, driver):
    """What the last one said stands until it comes."""
    watcher, _, _ = watch("training", ahead=5)
    assert watcher.look().found[0].utilization == 0.97
    driver.say("wait 1", *facts(RECORDINGS["training"]["seconds"][1]))
    assert watcher.look().found[0].utilization == 0.97
    (driver.folder / "go").touch()
    wait_for("the next line", lambda: watcher.look().found[0].utilization == 0.03)


def test_a_report_knows_when_the_driver_was_asked(watch):
    """On the clock that all processes share; one that stands for a while says so, too."""
    watcher, _, _ = watch("training", ahead=60)
    before = time.monotonic()
    first = watcher.look()
    assert before <= first.asked_at <= time.monotonic()
    asks = watcher._child._process.pid
    os.kill(asks, signal.SIGSTOP)
    os.waitid(os.P_PID, asks, os.WSTOPPED | os.WNOWAIT)
    stands = watcher.look().asked_at
    assert watcher.look().asked_at == stands
    os.kill(asks, signal.SIGCONT)
    wait_for("the next line", lambda: watcher.look().asked_at > stands)


def test_what_is_heard_between_two_looks_is_no_look(watch, driver):
    """A reader is told of each line that came, asks for none, and is not told of one again."""
    watcher, replay, _ = watch("training", ahead=60)
    assert watcher.heard() == ()
    assert driver.looks() == 0
    before = watcher.look().asked_at
    replay.step()
    wait_for("the next second", lambda: watcher.heard() and watcher._report.found[0].utilization == 0.03)
    told = watcher._report
    assert told.asked_at > before
    assert all(one.asked_at > told.asked_at for one in watcher.heard())
    assert watcher.looks()[-1].asked_at >= told.asked_at
    assert driver.looks() == 1


def test_trouble_that_a_reader_hears_first_is_for_the_next_look(watch):
    """A reader ends and begins no program; what was known stands until then."""
    watcher, replay, _ = watch("uninitialised", ahead=60)
    watcher.look()
    replay.step()
    wait_for("the watcher's last words", lambda: (watcher.heard(), watcher._trouble)[1])
    assert watcher.heard() == ()
    assert watcher._child is not None
    assert watcher._report.state is Gpus.SEEN
    report = watcher.look()
    assert (report.state, watcher._child) == (Gpus.UNKNOWN, None)
    assert "Uninitialized" in report.words


@pytest.mark.slow
def test_lines_ahead_do_not_run_out(watch):
    """More are asked for where half of them came, so a look every three seconds is told of each second."""
    watcher, _, _ = watch("training", ahead=6)
    came = list(watcher.looks())
    for _ in range(4):
        time.sleep(3.0)
        came += watcher.looks()
        assert 0 < watcher._owed < 6
    time.sleep(7.0)  # longer than they last
    came += watcher.looks()
    assert watcher._owed == 5
    moments = [one.asked_at for one in came]
    assert moments == sorted(set(moments))
    assert len(moments) > 6


@pytest.mark.slow
def test_a_watcher_tells_no_more_than_it_was_asked_for(driver):
    """Three lines for one ask, the later ones a second apart; then it is silent until it is asked again."""
    child = GpuChild(sys.executable, driver.environment)
    try:
        child.ask(3)
        came = []
        wait_for("three lines", lambda: came.extend(child.lines(0.0)) or len(came) == 3)
        seconds = [int(json.loads(line)["at"] + LEAD_S) for line in came]
        assert seconds[1] < seconds[2]  # each of them waits for a second's end
        assert child.lines(1.5) == []
        child.ask(1)
        assert len(child.lines(20.0)) == 1
    finally:
        child.end()
