"""Keep leases over agents, boots and clocks that are set."""

from __future__ import annotations

import pytest

from pod_agent.pod.idle.leases import Leases
from pod_wire.idle import KeepAsk
from tests.fakes.clock import FakeClock

HOUR_S = 3600.0


class Book:
    """Agents of one pod, one after another; ``told`` is what the last one knows."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = FakeClock()
        self.told = ()

    def _tell(self, leases):
        self.told = leases

    def agent(self, boot="b1"):
        leases = Leases(self.folder, self.clock, self._tell)
        leases.booted(boot)
        return leases

    def left(self):
        return [round(lease.over_at - self.clock.monotonic()) for lease in self.told]


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path / "disk")


def test_a_lease_outlives_its_agent(book):
    """The next agent of the boot counts on; another boot knows nothing of it."""
    book.agent().ask(KeepAsk(2 * HOUR_S, "evaluation"))
    book.clock.advance(HOUR_S)
    book.agent()
    assert book.left() == [3600]
    assert book.told[0].because == "evaluation"
    book.agent("b2")
    assert book.told == ()


def test_it_ends_by_itself(book):
    """An agent that begins after its end knows none."""
    book.agent().ask(KeepAsk(60.0))
    book.clock.advance(61)
    book.agent()
    assert book.told == ()


@pytest.mark.parametrize("jump", [-30 * 86_400.0, -HOUR_S, HOUR_S, 30 * 86_400.0])
def test_a_clock_that_is_set_neither_ends_nor_lengthens_it(book, jump):
    """The span is counted on the clock that never jumps, also by the next agent."""
    book.agent().ask(KeepAsk(2 * HOUR_S))
    book.clock.jump(jump)
    book.clock.advance(HOUR_S)
    assert book.left() == [3600]
    book.agent()
    assert book.left() == [3600]
    assert book.told[0].until == pytest.approx(book.clock.now() + HOUR_S)


def test_another_kernel_s_count_is_not_believed(book):
    """After a restart of the machine the wall clock tells, and never more than was asked for."""
    book.agent().ask(KeepAsk(2 * HOUR_S))
    now = book.clock.now()
    book.clock = FakeClock(now=now + HOUR_S, monotonic=5.0)
    book.agent()
    assert book.left() == [3600]
    book.clock = FakeClock(now=now - 9 * HOUR_S, monotonic=1.0)
    book.agent()
    assert 0 < book.left()[0] <= 7200


def test_several_people(book):
    """Each reason has its own lease; the same reason renews, and a shorter one shortens nobody else's."""
    agent = book.agent()
    agent.ask(KeepAsk(8 * HOUR_S, "a"))
    agent.ask(KeepAsk(HOUR_S, "b"))
    agent.ask(KeepAsk(2 * HOUR_S, "b"))
    assert book.left() == [8 * 3600, 2 * 3600]
    for number in range(50):
        agent.ask(KeepAsk(60.0, str(number)))
    assert len(book.told) == 20


def test_letting_go_gives_a_minute_s_notice(book):
    """All end a minute later; where there was none, nothing is begun."""
    agent = book.agent()
    agent.ask(KeepAsk(0.0))
    assert book.told == ()
    agent.ask(KeepAsk(HOUR_S, "a"))
    agent.ask(KeepAsk(0.0))
    assert book.left() == [60]


def test_one_given_before_the_boot_is_known_stands(book):
    """It is written as soon as it can be."""
    early = Leases(book.folder, book.clock, book._tell)
    early.ask(KeepAsk(HOUR_S, "early"))
    early.booted("b1")
    book.agent()
    assert [lease.because for lease in book.told] == ["early"]


@pytest.mark.parametrize("data", [b"", b"{", b'{"boot": "b1", "leases": 5}', b'{"format": 99}', b"\xff\xfe"])
def test_a_broken_file_is_none(book, data):
    """What cannot be read keeps nobody's pod, and nothing breaks."""
    book.folder.mkdir()
    (book.folder / "keep.json").write_bytes(data)
    book.agent()
    assert book.told == ()


def test_a_disk_that_takes_nothing_keeps_it_in_memory(book):
    """The lease stands as long as this agent lives."""
    book.folder.write_text("no folder")
    book.agent().ask(KeepAsk(HOUR_S))
    assert book.left() == [3600]
