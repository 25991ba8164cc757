"""The thread of the idle brake, turned by hand: what it publishes, keeps, says, and when it looks again."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from pod_agent.pod.idle import kept, words
from pod_agent.pod.idle.brake import Brake
from pod_agent.pod.idle.memory import fresh
from pod_agent.pod.idle.raw import GpuReading, Kernels, Raw
from pod_agent.pod.idle.signs import Name, State
from pod_agent.pod.idle.watch import BUSY_S, RESTING_S, Watch
from tests.fakes.clock import FakeClock

QUIET = Raw(
    0.0,
    is_resting=True,
    processes=(),
    gpus=GpuReading(),
    terminals={},
    traffic=0,
    connections={},
    kernels=Kernels(),
)


class Pod:
    """Sources that tell what they are given, and the supervisor's side of it."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = FakeClock()
        self.raw = QUIET
        self.rest_since = self.clock.monotonic()
        self.memory = fresh(self.clock.monotonic())
        self.told = []
        self.watch = self.agent()

    def agent(self):
        return Watch(
            self.folder,
            self.clock,
            self,
            self.memory,
            boot=lambda: "b1",
            roles=lambda: None,
            is_resting=lambda: self.rest_since is not None,
            minutes=lambda: 15.0,
            left_s=self.left_s,
            publish=self.publish,
            notice=lambda left: words.notice(left, words.reason(self.verdict()), "pod-a"),
        )

    def look(self, at, wall, _roles, *, is_resting):
        return replace(self.raw, at=at, wall=wall, is_resting=is_resting)

    def tell(self, text):
        self.told.append(text)

    def publish(self, memory):
        self.memory = memory

    def verdict(self):
        return Brake(self.memory).verdict(self.rest_since, 15.0, self.clock.monotonic())

    def left_s(self):
        return Brake(self.memory).left_s(self.verdict(), self.clock.monotonic())

    def live(self, seconds, until=lambda: False):
        """As its thread does: look, wait, look."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end and not until():
            self.watch.look()
            self.clock.advance(self.watch.pause())


@pytest.fixture
def pod(tmp_path):
    return Pod(tmp_path)


def test_it_looks_at_the_moment_of_the_stop(pod):
    """The last look is at the very end, so that nobody who has just come is overlooked."""
    began = pod.clock.monotonic()
    pod.live(3600, until=lambda: pod.verdict().is_due)
    assert pod.clock.monotonic() - began == pytest.approx(900, abs=2)
    assert pod.memory.sampled_at - began == pytest.approx(900, abs=1)


def test_a_minute_before_it_says_so_once(pod, caplog):
    """To the console and to every terminal, with the command that prevents it."""
    with caplog.at_level(logging.WARNING, "podkeep"):
        pod.live(3600, until=lambda: pod.verdict().is_due)
    assert len(pod.told) == 1
    assert "stopping in 60 s because the pod is idle: no job for 15 minutes." in pod.told[0]
    assert "pod-client keep pod-a 1h" in pod.told[0]
    assert [record.message for record in caplog.records] == pod.told


def test_somebody_who_answers_is_heard(pod):
    """A key pressed after the message puts the stop off by half an hour, and the next message comes in its time."""
    pod.raw = replace(QUIET, terminals={"pts/0": 0.0})
    pod.live(880)
    assert len(pod.told) == 1
    pod.raw = replace(QUIET, terminals={"pts/0": pod.clock.now()})
    pod.watch.look()
    assert pod.left_s() == pytest.approx(1800)
    pod.live(1750)
    assert len(pod.told) == 2


def test_it_looks_rarely(pod):
    """Every ten seconds while there is no job, every thirty with one, and more rarely where a look takes long."""
    pod.live(10)
    assert pod.watch.pause() == RESTING_S
    assert pod.watch.pause(0.06) == pytest.approx(18)
    pod.rest_since = None
    assert pod.watch.pause() == BUSY_S


def test_the_memory_is_kept_for_the_next_agent(pod):
    """What was seen is known to who comes after, within half a minute of the last look."""
    pod.raw = replace(QUIET, kernels=Kernels(1, 1))
    pod.live(600)
    found = kept.read(pod.folder, "b1", pod.clock.monotonic())
    assert found.tracks[Name.NOTEBOOKS].reading.state is State.BUSY
    assert pod.clock.monotonic() - found.tracks[Name.NOTEBOOKS].busy_at <= 45
    assert kept.read(pod.folder, "b2", pod.clock.monotonic()) is None
    assert kept.read(pod.folder, "b1", found.sampled_at - 1) is None


@pytest.mark.parametrize("data", [b"", b"{}", b'{"boot":"b1","memory":{"since":1}}', b"\xff"])
def test_a_broken_memory_is_none(pod, data):
    """It is counted anew, and nothing breaks."""
    (pod.folder / kept.FILE).write_bytes(data)
    assert kept.read(pod.folder, "b1", 1e9) is None
