"""What a run has been billed for: one stay for each boot of each pod that worked on it. Pure, kept on the workspace.

A stay whose price nobody knows is counted in hours, not in dollars, and that is said. Its seconds are a span of the
clock that never jumps, not the distance of two moments. Not here: the disks' price, and a pod that is off.
"""

from __future__ import annotations

from dataclasses import replace

from pod_wire.frozen import dataclass

FILE = "stays.json"
MOST = 500
HOUR_S = 3600.0
FOLDED = "earlier boots"


@dataclass(frozen=True, slots=True)
class Stay:
    """One boot of a pod, as far as it belongs to a run. ``price`` is in dollars per hour."""

    run: str
    pod: str
    boot: str
    began_at: float
    seen_at: float
    price: float | None = None
    paid_s: float | None = None  # None: written by an older podkeep, which had only the moments
    source: str = ""  # who told the price
    is_closed: bool = False  # nothing was paid after it was written last
    gpu: str | None = None  # 1 x NVIDIA RTX A4000

    @property
    def seconds(self) -> float:
        return max(0.0, self.seen_at - self.began_at) if self.paid_s is None else self.paid_s


@dataclass(frozen=True, slots=True)
class Ledger:
    stays: tuple[Stay, ...] = ()
    format: int = 1


@dataclass(frozen=True, slots=True)
class Spent:
    """``unpriced_s``: of ``seconds``, those whose price is unknown: the dollars are without them."""

    dollars: float = 0.0
    seconds: float = 0.0
    unpriced_s: float = 0.0
    boots: int = 0


def seen(ledger: Ledger, now: Stay) -> Ledger:
    """With this stay as it is now: one that is known keeps its beginning, and a price once known stays known."""
    old = find(ledger, now.run, now.pod, now.boot)
    if old is None:
        return Ledger(_folded((*ledger.stays, now)))
    price, source = (now.price, now.source) if now.price is not None else (old.price, old.source)
    both = None if now.paid_s is None and old.paid_s is None else max(old.seconds, now.seconds)
    fresh = replace(
        old,
        seen_at=max(old.seen_at, now.seen_at),
        price=price,
        paid_s=both,
        source=source,
        is_closed=now.is_closed,
        gpu=now.gpu or old.gpu,
    )
    return replace(ledger, stays=tuple(fresh if one is old else one for one in ledger.stays))


def find(ledger: Ledger, run: str, pod: str, boot: str) -> Stay | None:
    return next((one for one in ledger.stays if (one.run, one.pod, one.boot) == (run, pod, boot)), None)


def merged(ledger: Ledger, other: Ledger) -> Ledger:
    """Both books as one: what only one of them knows is not lost."""
    for stay in other.stays:
        ledger = seen(ledger, stay)
    return ledger


def settled(ledger: Ledger, boot: str, tail_s: float) -> Ledger:
    """Earlier boots that ended without a word were paid for a little longer than was written: that counts, once."""
    return replace(
        ledger,
        stays=tuple(
            one
            if one.boot in {boot, FOLDED} or one.is_closed
            else replace(one, paid_s=one.seconds + tail_s, is_closed=True)
            for one in ledger.stays
        ),
    )


def of_others(ledger: Ledger, run: str, pod: str, boot: str) -> float:
    """Seconds of this boot that were billed to other runs: no second is billed twice."""
    return sum(one.seconds for one in ledger.stays if (one.pod, one.boot) == (pod, boot) and one.run != run)


def spent(ledger: Ledger, run: str, assumed: float | None = None) -> Spent:
    """Over all boots and pods of a run. ``assumed``: the price of hours for which nobody knows one."""
    mine = [one for one in ledger.stays if one.run == run]
    return Spent(
        sum(one.seconds * (assumed or 0.0 if one.price is None else one.price) / HOUR_S for one in mine),
        sum(one.seconds for one in mine),
        sum(one.seconds for one in mine if one.price is None),
        len(mine),
    )


def highest(ledger: Ledger, run: str, price: float) -> float:
    """The dearest price of a run: nobody's hours are reckoned cheaper than they were."""
    return max([price, *(one.price for one in ledger.stays if one.run == run and one.price is not None)])


def _folded(stays: tuple[Stay, ...]) -> tuple[Stay, ...]:
    """More boots than anybody has: the oldest two of one run become one, so that no dollar is forgotten."""
    while len(stays) > MOST:
        first = stays[0]
        place = next((n for n, one in enumerate(stays) if n and one.run == first.run), None)
        if place is None:
            stays = stays[1:]  # of a run of its own, the oldest of all
            continue
        stays = (_sum(first, stays[place]), *stays[1:place], *stays[place + 1 :])
    return stays


def _sum(one: Stay, other: Stay) -> Stay:
    both = one.seconds + other.seconds
    priced = [it for it in (one, other) if it.price is not None and it.seconds]
    paid = sum(it.seconds * (it.price or 0.0) for it in priced)
    hours = sum(it.seconds for it in priced)
    price = paid / hours if hours else one.price
    return Stay(one.run, FOLDED, FOLDED, one.began_at, other.seen_at, price, both, one.source)
