"""A clock that stands still until it is told to move; sleeping moves it. Safe to use from several threads."""

from __future__ import annotations

import threading


class FakeClock:
    """Wall and monotonic time in one hand. ``sleeps`` remembers what was asked for."""

    def __init__(self, now: float = 1_800_000_000.0, monotonic: float = 1000.0) -> None:
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self.sleeps: list[float] = []

    def now(self) -> float:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Let time pass on both hands."""
        with self._lock:
            self._now += seconds
            self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock; spans do not notice."""
        with self._lock:
            self._now += seconds
