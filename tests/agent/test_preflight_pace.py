"""A slow network is told while more is coming: the meter's early word, where it stands, and the last one."""

from __future__ import annotations

import pytest

from pod_agent.pod.preflight import pace
from pod_agent.pod.preflight.gpus import Gpus
from pod_agent.pod.preflight.inspection import Inspection
from pod_agent.pod.preflight.room import Room
from pod_agent.pod.preflight.verdict import FINE, Level
from pod_agent.run import events as e
from pod_agent.run.readiness import Readiness
from pod_agent.run.state import Job
from pod_agent.run.work import Work
from pod_agent.settings import Settings
from pod_wire.job import JobSpec
from tests.fakes.clock import FakeClock
from tests.live import wait_for

MB = 1_000_000
JOB = Job(JobSpec("demo", "true", ephemeral=True), "order-1", run="r", run_began_at=0.0, boot="b")
EARLY = "this host's network is slow: the first 16 MB of code and packages came at 0.4 MB/s at best"
LAST = "this host's network is slow: code and packages came at 0.4 MB/s at best"


class Cards:
    """The machine's network cards; each look at them comes ``every_s`` after the last."""

    def __init__(self, rate, every_s=1.0):
        self.clock = FakeClock()
        self.rate = rate
        self.every_s = every_s
        self.count = 0

    def read(self):
        self.clock.advance(self.every_s)
        self.count += int(self.rate * self.every_s)
        return self.count


def looked(meter, times):
    for _ in range(times):
        meter.look()


def test_a_slow_host_is_told_when_a_good_deal_has_come():
    """Not before 16 MB, at once then, and once: with what the set-up has cost so far."""
    cards, told = Cards(0.4 * MB), []
    meter = pace.Meter(cards.clock, cards.read, tell=told.append, price=1.2)
    looked(meter, 40)  # 39 seconds, 15.6 MB
    assert told == []
    looked(meter, 1)
    assert [(one.level, one.reason) for one in told] == [(Level.WARNING, EARLY)]
    assert told[0].remedy.endswith("it costs the set-up again, 40 s, $0.01")
    looked(meter, 1000)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("rates", "says"), [((30, 0.1), []), ((0.1, 30, 0.1), []), ((0.1, 0.9), [EARLY[:30]])]
)
def test_one_fast_moment_before_clears_the_host(rates, says):
    """Five seconds above the floor are enough; a floor that is nearly reached is not."""
    cards, told = Cards(0), []
    meter = pace.Meter(cards.clock, cards.read, tell=told.append)
    for rate in rates:
        cards.rate = rate * MB
        looked(meter, 30)
    assert [one.reason[:30] for one in told] == says
    assert (meter.verdict() == FINE) is not bool(says)


def test_the_last_word_does_not_warn_again():
    """Still slow is a line in the log; a host that woke up is cleared there; one never warned of gets its verdict."""
    cards, told = Cards(0.4 * MB), []
    meter = pace.Meter(cards.clock, cards.read, tell=told.append)
    looked(meter, 100)
    assert (meter.verdict().level, meter.verdict().reason) == (Level.NOTE, LAST)
    cards.rate = 20 * MB
    looked(meter, 10)
    assert meter.verdict().level is Level.NOTE
    assert "faster after all: 20.0 MB/s" in meter.verdict().reason
    late = Cards(0.4 * MB, every_s=50.0)
    meter = pace.Meter(late.clock, late.read, tell=told.append)
    looked(meter, 1)
    meter.stop()  # all of it came since the only look
    assert (meter.verdict().level, meter.verdict().reason) == (Level.WARNING, LAST)
    assert len(told) == 1


def test_a_stopped_meter_tells_nothing():
    """Whoever stopped it may begin to train: no word comes afterwards, and no sample."""
    cards, told = Cards(0.4 * MB), []
    meter = pace.Meter(cards.clock, cards.read, tell=told.append)
    looked(meter, 30)
    meter.stop()
    count = cards.count
    looked(meter, 30)
    meter.stop()
    assert (told, cards.count) == ([], count)


def test_a_machine_without_the_table_is_measured_in_nothing():
    """Nothing is read again, and nothing is said."""

    def no_table():
        raise FileNotFoundError

    meter = pace.Meter(FakeClock(), no_table)
    meter.start()
    meter.stop()
    assert meter.verdict() == FINE


class Pod:
    """A pod on its way to an attempt, whose network cards are ours; what is posted, and the lines of the log."""

    def __init__(self, folder, cards):
        self.posted, self.lines = [], []
        self.work = Work(self.lines.append, cards.clock)
        (folder / "disk").mkdir()
        settings = Settings(
            workspace=folder,
            disk_dir=folder / "disk",
            runpod_url="http://127.0.0.1:1/v2",
            pod_id="pod-a",
        )
        self.readiness = Readiness(
            settings,
            cards.clock,
            boot=lambda: "boot-1",
            post=self.posted.append,
            inspection=lambda here: Inspection(
                here,
                cards.clock,
                resolve=lambda _: None,
                look_at_room=lambda _: Room(1 << 50, 1 << 50),
                look_at_gpus=lambda _: Gpus(),
            ),
            meter=lambda tell: pace.Meter(cards.clock, cards.read, 0.01, tell=tell),
        )

    def slow(self):
        """The warnings of the network in the status."""
        found = [event.text for event in self.posted if isinstance(event, e.Warned)]
        return [text for text in found if "network is slow" in text]

    def said(self):
        return [line.decode() for line in self.lines if b"network" in line]


def test_the_word_is_in_status_and_log_while_the_steps_work(tmp_path):
    """Before anybody asks whether the training may begin; at its beginning the log has the last word, once."""
    cards = Cards(0.4 * MB, every_s=50.0)
    pod = Pod(tmp_path, cards)
    pod.readiness.begin(JOB, Work(lambda _: None, cards.clock))  # the step before
    pod.readiness.begin(JOB, pod.work)
    wait_for("the early word", pod.said)
    assert [text.partition(" (")[0] for text in pod.slow()] == [EARLY]
    assert pod.said()[0].startswith(
        f"podkeep: warning: {EARLY} (another pod (pod-client up --new-pod) may be"
    )
    pod.readiness.hold(pod.work)
    assert pod.said()[1:] == [f"podkeep: {LAST}\n"]
    assert len(pod.slow()) == 1


def test_a_step_that_was_given_up_gets_no_line(tmp_path):
    """A cancel may be followed by another job's training: the status has the warning, the log stays as it is."""
    cards = Cards(0.4 * MB, every_s=50.0)
    pod = Pod(tmp_path, cards)
    pod.work.cancel()
    pod.readiness.begin(JOB, pod.work)
    wait_for("the warning", pod.slow)
    pod.readiness.leave()
    assert pod.said() == []
