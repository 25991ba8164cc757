"""How fast does this host's network bring what the job fetches anyway? No download of our own is made for it.

While code and packages come, the bytes of all network cards are read once a second. A host that brought a good deal
and never more than 1 MB/s over five seconds is slow. Less than that tells nothing, and nothing is said.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.preflight.verdict import FINE, Finding, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pod_wire.clock import Clock

CARDS = Path("/proc/net/dev")
TELLING_BYTES = 16_000_000
WINDOW_S = 5.0
FLOOR = 1_000_000.0  # bytes a second
BEAT_S = 1.0
MOST_SAMPLES = 3600

Sample = tuple[float, int]  # monotonic seconds, bytes received so far


def received(table: str) -> int:
    """Bytes received by every card but the loopback."""
    total = 0
    for line in table.splitlines():
        card, colon, counts = line.partition(":")
        first = counts.split()[:1]
        if colon and card.strip() != "lo" and first and first[0].isdecimal():
            total += int(first[0])
    return total


def best(samples: Sequence[Sample]) -> float | None:
    """The fastest five seconds, in bytes a second; None when there are no five."""
    found: float | None = None
    first = 0
    for at, count in samples:
        while first + 1 < len(samples) and at - samples[first + 1][0] >= WINDOW_S:
            first += 1
        span = at - samples[first][0]
        if span >= WINDOW_S:
            found = max(found or 0.0, (count - samples[first][1]) / span)
    return found


def judge(samples: Sequence[Sample], price: float | None = None) -> Finding:
    """``price``: dollars an hour."""
    fastest = best(samples)
    if fastest is None or fastest >= FLOOR or samples[-1][1] - samples[0][1] < TELLING_BYTES:
        return FINE
    spent_s = samples[-1][0] - samples[0][0]
    cost = f", ${price * spent_s / 3600:.2f}" if price else ""
    return warning(
        f"this host's network is slow: code and packages came at {fastest / 1e6:.1f} MB/s at best",
        f"another pod (pod-client up --new-pod) may be faster; it costs the set-up again, {spent_s / 60:.0f} min{cost}",
    )


def read_cards() -> int:
    return received(CARDS.read_text())


class Meter:
    """Reads the cards until it is stopped."""

    def __init__(self, clock: Clock, read: Callable[[], int] = read_cards, beat_s: float = BEAT_S) -> None:
        self._clock = clock
        self._read = read
        self._beat_s = beat_s
        self._over = threading.Event()
        self._samples: list[Sample] = []

    def start(self) -> None:
        threading.Thread(target=self._run, name="pace", daemon=True).start()

    def stop(self) -> tuple[Sample, ...]:
        self._over.set()
        self._sample()
        return tuple(self._samples)

    def _run(self) -> None:
        while len(self._samples) < MOST_SAMPLES:
            self._sample()
            if self._over.wait(self._beat_s):
                return

    def _sample(self) -> None:
        try:
            self._samples.append((self._clock.monotonic(), self._read()))
        except (OSError, ValueError):
            self._over.set()  # no such table here: nothing to measure
