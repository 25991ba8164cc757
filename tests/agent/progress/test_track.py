"""A log that grows is followed by one reader after another: restarts, other logs and folders, other orders."""

from __future__ import annotations

import json
import stat

import pytest

from pod_agent.outputs.log import JobLog
from pod_agent.outputs.masked import MaskedLog
from pod_agent.progress import kept
from pod_agent.progress.ledger import Spent
from pod_agent.progress.reader import ASKED_S, PACE_S, ProgressReader
from pod_agent.progress.subject import Subject
from pod_agent.progress.track import BACK
from pod_wire.bell import Bell
from pod_wire.masker import Masker
from pod_wire.secrets import Secret
from tests.fakes.clock import FakeClock
from tests.live import PATIENCE_S, wait_for

HEADER = b"podkeep: attempt %d of run r1, 2026-01-31 12:00:00 UTC: python train.py\n"
BOOTED_AT = 1_800_000_000.0


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
        self.pace_s = PACE_S
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
        return ProgressReader(self.subject, lambda _: masked, self.clock, self.tell, self.pace_s)

    def tell(self, _run, *told):
        self.told.append(told)

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


@pytest.fixture
def followed(place):
    """A reader in its own thread, which knows of step 5."""
    reader = place.reader()
    place.log.append(HEADER % 1 + b"step 5/100\n")
    reader.start()
    wait_for("step 5", lambda: place.told and place.told[-1][0] and place.told[-1][0].step == 5)
    yield reader
    reader.stop()


@pytest.fixture
def rarely(place):
    """By itself it looks once an hour."""
    place.pace_s = 3600.0


def test_whoever_asks_makes_it_look(rarely, place, followed):
    """Two seconds after a look it looks at once, so that who keeps asking sees each step."""
    for step in range(6, 9):
        place.log.append(b"step %d/100\n" % step)
        place.clock.advance(ASKED_S)
        followed.asked()
        wait_for(f"step {step}", lambda step=step: place.told[-1][0].step == step)


def test_a_crowd_that_asks_makes_it_look_no_oftener(rarely, place, followed):
    """Within two seconds of a look nobody makes another."""
    place.log.append(b"step 6/100\n")
    for _ in range(100):
        followed.asked()
    assert not followed._bell.wait(0.05)
    assert place.told[-1][0].step == 5


@pytest.mark.slow
def test_it_follows_in_a_thread_of_its_own(place, followed):
    """Left alone, it tells what the log grows by, and ends at once when it is told to."""
    place.log.append(b"step 6/100\n")
    wait_for("step 6", lambda: place.told[-1][0].step == 6)
    place.log.append(b"step 7/100\n")
    assert followed.catch_up(PATIENCE_S)
    assert place.told[-1][0].step == 7


def test_without_an_eventfd_it_follows_all_the_same(place):
    """A process that may open nothing more looks when it is asked to, and ends."""
    reader = place.reader()
    reader._bell = Bell(number=lambda: None)
    place.log.append(HEADER % 1 + b"step 5/100\n")
    reader.start()
    wait_for("step 5", lambda: place.told and place.told[-1][0] and place.told[-1][0].step == 5)
    place.log.append(b"step 6/100\n")
    assert reader.catch_up(PATIENCE_S)
    assert place.told[-1][0].step == 6
    reader.stop()


def test_a_damaged_record_costs_the_curve_only(place):
    """What cannot be read is begun anew from the log's newest bytes."""
    place.log.append(HEADER % 1)
    place.trains(place.reader(), 1, 20)
    (place.state / kept.FILE).write_bytes(b'{"course": 7')
    progress, money = place.trains(place.reader(), 21, 22)
    assert (progress.step, progress.total) == (22, 100)
    assert money.run is not None


def test_a_record_is_ours_alone_and_leaves_no_draft(place):
    """Nobody else may read it, as the rest of a job's state; where it cannot be written, nothing stays of the try."""
    path = place.state / kept.FILE
    kept.save(place.state, kept.Bookmark(offset=7))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    path.mkdir()
    before = sorted(place.state.iterdir())
    with pytest.raises(OSError, match=kept.FILE):
        kept.save(place.state, kept.Bookmark(offset=8))
    assert sorted(place.state.iterdir()) == before


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
