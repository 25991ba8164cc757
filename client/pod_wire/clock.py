"""Time as an argument: the one seam through which anything waits."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what people and disks see, monotonic time for spans, and waiting."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds that never jump."""

    def sleep(self, seconds: float) -> None:
        """Wait this long."""


def until_beat(monotonic: float, every_s: float, after_s: float = 0.0) -> float:
    """Seconds until this clock shows the next multiple and ``after_s`` more.

    Those who look regularly wake shortly after each other: their code is warm, and none waits for another's lock.
    """
    return every_s - (monotonic - after_s) % every_s


class RealClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))
