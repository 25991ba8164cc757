"""How long the end of a job waits to be seen."""

from __future__ import annotations

from dataclasses import dataclass

from pod_agent.farewell import SEEN_LATEST_S, SEEN_S, Farewell


@dataclass
class Clock:
    """Time that passes when somebody sleeps."""

    at: float = 100.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Server:
    """Read at a moment, or never; owed until a moment."""

    clock: Clock
    read_at: float = float("inf")
    owed_until: float = 0.0
    stopped: bool = False
    awaited_until: float = 0.0

    def owed(self) -> bool:
        return self.clock.at < self.owed_until

    def status_read_since(self, moment: float) -> bool:
        return moment <= self.read_at <= self.clock.at

    def is_awaited(self) -> bool:
        return self.clock.at < self.awaited_until

    def finish(self) -> None:
        assert not self.stopped

    def stop(self, timeout_s: float) -> None:
        self.stopped = timeout_s > 0


def waited(clock: Clock, farewell: Farewell) -> float:
    began = clock.at
    farewell.let_be_seen()
    return clock.at - began


def test_a_long_job_is_not_kept_waiting():
    """Where HTTP has been up for long, the pod is stopped at once."""
    clock = Clock()
    farewell = Farewell(clock)
    farewell.opened(Server(clock))
    clock.at += SEEN_S
    assert waited(clock, farewell) == 0


def test_a_short_job_waits_to_be_seen():
    """Where HTTP has just come up, somebody has a moment to look."""
    clock = Clock()
    farewell = Farewell(clock)
    farewell.opened(Server(clock))
    assert SEEN_S <= waited(clock, farewell) < SEEN_S + 0.1


def test_an_end_that_was_seen_is_enough():
    """The wait ends when the status is read; a look before the end does not count."""
    clock = Clock()
    farewell = Farewell(clock)
    farewell.opened(Server(clock, read_at=clock.at + 0.5))
    assert 0.5 <= waited(clock, farewell) < 0.6
    early = Farewell(clock)
    early.opened(Server(clock, read_at=clock.at - 0.1))
    assert waited(clock, early) >= SEEN_S


def test_who_keeps_looking_sees_the_end():
    """A watcher's next look is waited for, also where another one has seen the end; for three seconds at most."""
    clock = Clock()
    for until, least, most in ((1.5, 1.5, 1.6), (60.0, SEEN_S, SEEN_S + 0.1)):
        farewell = Farewell(clock)
        farewell.opened(Server(clock, read_at=clock.at + 60.0, awaited_until=clock.at + 60.0 + until))
        clock.at += 60.0
        assert least <= waited(clock, farewell) < most


def test_without_http_the_wait_is_bounded():
    """A port that never opens costs a few seconds and no more."""
    clock = Clock()
    assert SEEN_LATEST_S <= waited(clock, Farewell(clock)) < SEEN_LATEST_S + 0.1


def test_leaving_waits_for_what_is_owed():
    """HTTP ends when nobody is owed anything, and within three seconds in any case."""
    clock = Clock()
    quick, slow = Server(clock, owed_until=clock.at + 1), Server(clock, owed_until=float("inf"))
    for server, seconds in ((quick, 1), (slow, 3)):
        began = clock.at
        farewell = Farewell(clock)
        farewell.opened(server)
        farewell.leave()
        assert server.stopped
        assert seconds <= clock.at - began < seconds + 0.1
