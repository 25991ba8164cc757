"""How fast does this host's network bring what the job fetches anyway? No download of our own is made for it.

While code and packages come, the bytes of all network cards are read once a second. A host that brought a good deal
and never more than 1 MB/s over five seconds is slow, which is told at once, while another pod costs little. Less than
that tells nothing, and nothing is said.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.preflight.verdict import FINE, Finding, Level, note, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pod_wire.clock import Clock

CARDS = Path("/proc/net/dev")
TELLING_BYTES = 16_000_000
WINDOW_S = 5.0
FLOOR = 1_000_000.0  # bytes a second
BEAT_S = 1.0
MOST_SAMPLES = 3600
SECONDS_TOLD = 120.0  # from then on minutes are

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


def is_telling(samples: Sequence[Sample]) -> bool:
    """Whether so much came that a slow host can be told from one that had little to fetch."""
    return bool(samples) and samples[-1][1] - samples[0][1] >= TELLING_BYTES


def judge(samples: Sequence[Sample], price: float | None = None, what: str = "code and packages") -> Finding:
    """``price``: dollars an hour."""
    fastest = best(samples)
    if fastest is None or fastest >= FLOOR or not is_telling(samples):
        return FINE
    spent_s = samples[-1][0] - samples[0][0]
    spent = f"{spent_s:.0f} s" if spent_s < SECONDS_TOLD else f"{spent_s / 60:.0f} min"
    cost = f", ${price * spent_s / 3600:.2f}" if price else ""
    return warning(
        f"this host's network is slow: {what} came at {fastest / 1e6:.1f} MB/s at best",
        f"another pod (pod-client up --new-pod) may be faster; it costs the set-up again, {spent}{cost}",
    )


def judge_early(samples: Sequence[Sample], price: float | None = None) -> Finding:
    """The same while more is coming."""
    return judge(samples, price, what=f"the first {TELLING_BYTES / 1e6:.0f} MB of code and packages")


def judge_again(samples: Sequence[Sample], price: float | None = None) -> Finding:
    """The last word after an early warning: nothing is warned of twice, and a host that woke up is cleared."""
    found = judge(samples, price)
    if found.level is Level.WARNING:
        return note(found.reason)
    return note(f"this host's network became faster after all: {(best(samples) or 0) / 1e6:.1f} MB/s at best")


def read_cards() -> int:
    return received(CARDS.read_text())


class Meter:
    """Reads the cards until it is stopped. ``tell`` gets the early verdict, once, unless that is fine."""

    def __init__(
        self,
        clock: Clock,
        read: Callable[[], int] = read_cards,
        beat_s: float = BEAT_S,
        *,
        tell: Callable[[Finding], None] = lambda _: None,
        price: float | None = None,
    ) -> None:
        self._clock = clock
        self._read = read
        self._beat_s = beat_s
        self._tell = tell
        self._price = price
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._samples: list[Sample] = []
        self._early: Finding | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="pace", daemon=True).start()

    def look(self) -> None:
        """One sample; once a good deal has come, what it tells. Nothing is told after ``stop``."""
        with self._lock:
            if self._over.is_set():
                return
            self._sample()
            if self._early is None and is_telling(self._samples) and best(self._samples) is not None:
                self._early = judge_early(self._samples, self._price)
                if self._early.level is Level.WARNING:
                    self._tell(self._early)

    def stop(self) -> None:
        """Nothing more is read or told."""
        with self._lock:
            if not self._over.is_set():
                self._sample()
            self._over.set()

    def verdict(self) -> Finding:
        """Of all that came until it was stopped."""
        has_told = self._early is not None and self._early.level is Level.WARNING
        return (judge_again if has_told else judge)(self._samples, self._price)

    def _run(self) -> None:
        while len(self._samples) < MOST_SAMPLES:
            self.look()
            if self._over.wait(self._beat_s):
                return

    def _sample(self) -> None:
        try:
            self._samples.append((self._clock.monotonic(), self._read()))
        except (OSError, ValueError):
            self._over.set()  # no such table here: nothing to measure
