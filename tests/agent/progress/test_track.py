"""A log that grows is followed by one reader after another: restarts, other logs, the user's own pattern or command."""

from __future__ import annotations

import json
import os
import signal

import pytest

from pod_agent.outputs.log import JobLog
from pod_agent.outputs.masked import MaskedLog
from pod_agent.progress import kept
from pod_agent.progress.asked import Asking, Pattern
from pod_agent.progress.ledger import Spent
from pod_agent.progress.lines import Line
from pod_agent.progress.reader import ProgressReader
from pod_agent.progress.subject import Subject
from pod_agent.progress.track import BACK
from pod_wire.masker import Masker
from pod_wire.secrets import Secret
from tests.fakes.clock import FakeClock
from tests.live import wait_for

HEADER = b"podkeep: attempt %d of run r1, 2026-01-31 12:00:00 UTC: python train.py\n"
BOOTED_AT = 1_800_000_000.0
EVIL = r"(?P<step>\d+)(a|a?)+$"


@pytest.fixture
def place(tmp_path):
    """A job's folder with its log, a folder in which it runs, and a clock moved by hand."""
    return Place(tmp_path)


class Place:
    def __init__(self, top):
        self.clock = FakeClock()
        self.state, self.folder = top / "state", top / "code"
        self.folder.mkdir()
        self.log = JobLog(self.state)
        self.log.create()
        self.told = []
        self.more = {"asked": None, "price": 3.6}

    def subject(self):
        return Subject(
            "job",
            "r1",
            0.0,
            self.state,
            self.folder,
            is_running=True,
            boot_s=self.clock.now() - BOOTED_AT,
            spent=Spent(0.001, self.clock.now() - BOOTED_AT),
            **self.more,
        )

    def reader(self):
        masked = MaskedLog(self.log, Masker([Secret("hf_abcdefghijkl")]), lambda: False)
        return ProgressReader(
            self.subject, lambda _: masked, self.clock, lambda *told: self.told.append(told[1:])
        )

    def trains(self, reader, first, last):
        for step in range(first, last + 1):
            self.log.append(b"step %d/100 loss %.3f\n" % (step, 5 / step))
            self.clock.sleep(1.0)
            reader.look()
        return self.told[-1]


def test_what_is_told_grows_with_the_log(place):
    """Step, end and dollars follow the log, look by look."""
    place.log.append(HEADER % 1)
    progress, money = place.trains(place.reader(), 1, 20)
    assert (progress.step, progress.total, progress.eta_s) == (20, 100, pytest.approx(80.0))
    assert money.to_finish == pytest.approx(0.08)
    assert money.run > 0


def test_a_new_agent_goes_on_where_the_last_one_was(place):
    """The curve, what had advanced and the bill outlive the agent; no line is counted twice."""
    place.log.append(HEADER % 1)
    first = place.reader()
    place.trains(first, 1, 40)
    before = kept.load(place.state)
    second = place.reader()
    progress, money = place.trains(second, 41, 60)
    assert progress.step == 60
    assert progress.losses[0] == pytest.approx(5.0)
    assert before.course.high >= 15
    assert 50 <= progress.advanced_s <= 60
    assert money.goodput > 0.5


def test_an_older_run_in_the_same_log_is_none_of_ours(place):
    """What stands above this run's header, or below another's, is not counted."""
    place.log.append((HEADER % 3).replace(b"r1", b"r0") + b"step 90/100 loss 0.1\n")
    reader = place.reader()
    reader.look()
    assert place.told[-1][0] is None
    place.log.append(HEADER % 1 + b"step 2/100 loss 4.0\n")
    reader.look()
    assert (place.told[-1][0].step, place.told[-1][0].losses) == (2, (4.0,))


def test_it_follows_in_a_thread_of_its_own(place):
    """Begun and left alone, it tells what the log grows by."""
    reader = place.reader()
    reader.start()
    try:
        place.log.append(HEADER % 1 + b"step 5/100\n")
        wait_for("step 5", lambda: place.told and place.told[-1][0] and place.told[-1][0].step == 5)
        place.log.append(b"step 6/100\n")
        wait_for("step 6", lambda: place.told[-1][0].step == 6)
    finally:
        reader.stop()


def test_a_damaged_record_costs_the_curve_only(place):
    """What cannot be read is begun anew from the log's newest bytes."""
    place.log.append(HEADER % 1)
    place.trains(place.reader(), 1, 20)
    (place.state / kept.FILE).write_bytes(b'{"course": 7')
    progress, money = place.trains(place.reader(), 21, 22)
    assert (progress.step, progress.total) == (22, 100)
    assert money.run is not None


def test_a_new_reader_reads_no_more_than_the_newest(place):
    """Of a log of megabytes the end is read, in one look."""
    place.log.append(HEADER % 1 + b"step 1/100 loss 9.0\n" + b"noise without a number\n" * (4 * BACK // 20))
    place.log.append(b"step 50/100 loss 0.5\n")
    place.reader().look()
    progress, _ = place.told[-1]
    assert (progress.step, progress.losses) == (50, (0.5,))


def test_a_job_without_a_word_has_money_and_no_progress(place):
    """Absent is not zero."""
    place.reader().look()
    progress, money = place.told[-1]
    assert progress is None
    assert money.to_finish is None
    assert money.price_per_hour == 3.6


def test_the_trainer_s_state_says_what_the_log_does_not(place):
    """Without steps in the log the files are asked."""
    state = {"global_step": 16, "max_steps": 48, "epoch": 1.0, "num_train_epochs": 3, "log_history": []}
    (place.folder / "trainer_state.json").write_text(json.dumps(state))
    place.more["price"] = None
    place.reader().look()
    progress, money = place.told[-1]
    assert (progress.step, progress.total, progress.source) == (16, 48, "trainer_state.json")
    assert money.run is None


def test_the_user_s_pattern_is_believed(place):
    """Its named groups are the progress, whatever else looks like one."""
    place.more["asked"] = r"^at (?P<step>\d+) of (?P<total>\d+), L=(?P<loss>\S+)$"
    place.log.append(b"step 9/10\nat 3 of 7, L=0.5\nstep 10/10\n")
    reader = place.reader()
    reader.look()
    progress, _ = place.told[-1]
    assert (progress.step, progress.total, progress.loss, progress.source) == (3, 7, 0.5, "POD_PROGRESS")
    reader._track.close()


def test_another_order_s_pattern_is_used(place):
    """A pattern that was corrected, on the same pod and in the same run, replaces the one that found nothing."""
    place.more["asked"] = r"^at (?P<step>[a-z]+)$"
    reader = place.reader()
    place.log.append(HEADER % 1 + b"at 3 of 7\n")
    reader.look()
    wrong = reader._track._pattern
    place.more["asked"] = r"^at (?P<step>\d+) of (?P<total>\d+)$"
    place.log.append(b"at 4 of 7\n")
    reader.look()
    reader._track.close()
    assert place.told[-1][0].step == 4
    assert place.told[-1][0].source == "POD_PROGRESS"
    assert wrong._process is None  # ended, not left behind


def test_the_command_runs_where_the_training_does(place):
    """In the folder and the environment of now, not in those of the first look, before anything was installed."""
    place.more |= {"asked": "echo step $STEP/$(cat total)", "env": {"PATH": "/usr/bin:/bin"}}
    reader = place.reader()
    for _ in range(5):
        reader.look()
        place.clock.sleep(300.0)
    assert place.told[-1][0].step is None
    place.folder = place.folder.with_name("sub")
    place.folder.mkdir()
    (place.folder / "total").write_text("7")
    place.more["env"] = {"PATH": "/usr/bin:/bin", "STEP": "5"}
    reader.look()
    assert (place.told[-1][0].step, place.told[-1][0].total) == (5, 7)


def test_files_are_looked_for_where_the_training_runs(place):
    """Also when its folder was another at the first look."""
    reader = place.reader()
    reader.look()
    place.folder = place.folder.with_name("sub")
    place.folder.mkdir()
    state = {"global_step": 16, "max_steps": 48, "epoch": 1.0, "num_train_epochs": 3, "log_history": []}
    (place.folder / "trainer_state.json").write_text(json.dumps(state))
    place.clock.sleep(300.0)
    reader.look()
    assert place.told[-1][0].step == 16


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
