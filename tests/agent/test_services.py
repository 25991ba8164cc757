"""The frame for services: how long one rests is decided over its history; real processes are begun, found and ended."""

from __future__ import annotations

import os
import random
import signal
import sys

import pytest

from pod_agent.pod.services import USUAL, Lived, after
from pod_agent.pod.services_process import Place, start_time
from tests.agent.service_house import Row
from tests.live import wait_for


def lives(*spans, gap=1.0):
    """Lives of these lengths, one after another."""
    made, at = [], 100.0
    for span in spans:
        made.append(Lived(at, at + span))
        at += span + gap
    return made


@pytest.mark.parametrize(
    ("spans", "seconds", "is_failed"),
    [
        ((), 0, False),
        ((1,), 1, False),
        ((1, 1), 2, False),
        ((1, 1, 1, 1), 8, False),
        ((1,) * 5, 600, True),
        ((1,) * 9, 600, True),
        ((1, 1, 1, 1, 11), 16, False),
        ((11,) * 12, 60, False),
        ((5000,), 1, False),
        ((1, 1, 1, 5000), 1, False),
        ((1, 1, 1, 1, 1, 5000, 1), 2, False),
        ((10.0,), 1, False),
    ],
)
def test_a_service_rests_longer_with_each_recent_end(spans, seconds, is_failed):
    """One second at first, doubled by each end of the last ten minutes; rarely after five lives in vain."""
    pause = after(lives(*spans))
    assert (pause.seconds, pause.is_failed) == (seconds, is_failed)


def test_no_history_makes_a_busy_loop_or_gives_up():
    """Over random histories: at least a second, at most ten minutes, and failed just after five in a row at once."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    rng = random.Random(seed)
    for _ in range(2000):
        # in eighths, so that ten seconds after any moment are ten, and not a hair less
        spans = [rng.choice((0, 0.125, 9.875, 10, 60, 3000)) for _ in range(rng.randrange(1, 20))]
        pause = after(lives(*spans, gap=rng.choice((1, 60, 600))))
        in_vain = len(spans) >= 5 and all(span < USUAL.at_once_s for span in spans[-5:])
        assert 1 <= pause.seconds <= 600
        assert pause.is_failed == in_vain


def gone(pid, started):
    return wait_for(f"{pid} is gone", lambda: start_time(pid) != started)


def test_a_service_runs_with_its_own_log_and_ends_with_us(house, tmp_path):
    """Its words are in its file, and nothing of its group is left after leaving."""
    here = house(Row(tmp_path, "echo hello; sleep 600 & echo $! > below; wait"))
    status = here.until("running")
    below = int(
        wait_for("a child", lambda: (tmp_path / "below").exists() and (tmp_path / "below").read_text())
    )
    started, below_started = start_time(status.pid), start_time(below)
    assert (tmp_path / "services" / "echo.log").read_text() == "hello\n"
    assert (tmp_path / "services" / "echo.log").stat().st_mode & 0o777 == 0o600
    here.leave()
    gone(status.pid, started)
    gone(below, below_started)
    assert here.told["echo"].state == "ended"


def test_one_that_ignores_term_is_killed(house, tmp_path):
    """TERM first, KILL after the grace."""
    here = house(Row(tmp_path, "trap '' TERM; echo up; while :; do sleep 1; done"))
    status = here.until("running")
    log = tmp_path / "services" / "echo.log"
    wait_for("it ignores TERM", lambda: log.exists() and log.read_text() == "up\n")
    started = start_time(status.pid)
    here.leave()
    gone(status.pid, started)


def test_five_ends_at_once_are_a_failure_with_last_words_and_remedy(house, tmp_path):
    """The status says what it said last, how often it was begun, and what to do."""
    here = house(
        Row(tmp_path, "echo begun >> count; echo nonsense; echo 'cannot bind: \t taken' >&2; exit 3")
    )
    status = here.until("failed")
    assert (tmp_path / "count").read_text().count("begun") == 5
    assert (status.restarts, status.words) == (4, "exit code 3: nonsense; cannot bind:   taken")
    assert status.remedy == "look at it"


def test_one_that_cannot_be_begun_is_a_failure_too(house, tmp_path):
    """No such folder: said in words, and nothing of the agent is hurt."""
    here = house(Row(tmp_path / "nowhere", "true"), Row(tmp_path, "sleep 600", name="other"))
    assert "No such file" in here.until("failed").words
    assert here.until("running", "other").restarts == 0


def test_one_that_is_killed_comes_back(house, tmp_path):
    """The status shows the pause, then the new process and how often it was begun again."""
    here = house(Row(tmp_path, "sleep 600"))
    first = here.until("running")
    os.kill(first.pid, signal.SIGKILL)
    second = wait_for("a second", lambda: (now := here.told["echo"]).restarts == 1 and now.pid and now)
    assert second.pid != first.pid
    paused = next(status for status in here.seen if status.state == "pausing")
    assert paused.words == "it was ended by signal SIGKILL"


def test_what_is_off_says_why_and_runs_nothing(house, tmp_path):
    """Off is a state with words."""
    here = house(Row(tmp_path, "touch ran", off="nobody has a key"))
    assert here.until("off").words == "nobody has a key"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("settled", [b"", b"other keys"])
def test_a_later_agent_goes_on_with_what_it_finds(house, tmp_path, settled):
    """The same making: the same process, its age and its count; another making: a new one in its place."""
    place = Place(tmp_path / "services", "echo")
    first = place.begin(Row(tmp_path, "sleep 600").prepare(), 1000.0, 7)  # by an agent that was killed since
    here = house(Row(tmp_path, "sleep 600", settled=settled))
    status = here.until("running")
    if settled:
        assert status.pid != first.known.pid
        wait_for("the first one ended", lambda: first.has_ended)
    else:
        assert (status.pid, status.since, status.restarts) == (first.known.pid, 1000.0, 7)
    here.leave()
    wait_for("the first one ended", lambda: first.has_ended)
    first.buried()


def test_what_is_off_now_is_ended_where_an_earlier_agent_began_it(house, tmp_path):
    """No keys any more: no sshd any more."""
    first = Place(tmp_path / "services", "echo").begin(Row(tmp_path, "sleep 600").prepare(), 0.0, 0)
    house(Row(tmp_path, "sleep 600", off="no key")).until("off")
    wait_for("the first one ended", lambda: first.has_ended)
    first.buried()


def test_a_record_of_a_process_that_is_long_gone_is_no_process(tmp_path):
    """Another program may have its pid by now; nonsense in the record is nothing either."""
    place = Place(tmp_path, "echo")
    mine = place.begin(Row(tmp_path, "sleep 600").prepare(), 0.0, 0)
    mine.end(1)
    assert place.found() is None
    record = tmp_path / "echo.json"
    record.write_bytes(record.read_bytes().replace(str(mine.known.pid).encode(), str(os.getpid()).encode()))
    assert place.found() is None
    for text in (b"", b"{}", b"\xff\x00", b'{"pid": -1, "started": 1, "making": "", "since": 0}'):
        record.write_bytes(text)
        assert place.found() is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ""),
        (b"zero\none\n two\n\n  \n", "one; two"),
        (b"\xff\xfe bad \x1b[31m", "�� bad  [31m"),
        (b"x" * 100_000, "x" * 300),
    ],
)
def test_last_words_are_bounded_and_printable(tmp_path, text, words):
    """Whatever a program wrote last is one short line of text."""
    place = Place(tmp_path, "echo")
    place.log.write_bytes(text)
    assert place.last_words() == words
    assert place.last_words(since=1 << 30) == words
