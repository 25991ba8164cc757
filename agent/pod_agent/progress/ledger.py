"""What a run has been billed for: one stay for each boot of each pod that worked on it. Pure, kept on the workspace.

A stay whose price nobody knows is counted in hours, not in dollars, and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FILE = "stays.json"
MOST = 500
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Stay:
    """One boot of a pod, as far as it belongs to a run. ``price`` is in dollars per hour."""

    run: str
    pod: str
    boot: str
    began_at: float
    seen_at: float
    price: float | None = None
    gpu: str | None = None  # 1 x NVIDIA RTX A4000

    @property
    def seconds(self) -> float:
        return max(0.0, self.seen_at - self.began_at)


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


def seen(ledger: Ledger, now: Stay) -> Ledger:
    """With this stay as it is now: one that is known keeps its beginning, and a price once known stays known."""
    old = next(
        (one for one in ledger.stays if (one.run, one.pod, one.boot) == (now.run, now.pod, now.boot)), None
    )
    if old is None:
        return replace(ledger, stays=(*ledger.stays, now)[-MOST:])
    price = now.price if now.price is not None else old.price
    fresh = replace(old, seen_at=max(old.seen_at, now.seen_at), price=price, gpu=now.gpu or old.gpu)
    return replace(ledger, stays=tuple(fresh if one is old else one for one in ledger.stays))


def merged(ledger: Ledger, other: Ledger) -> Ledger:
    """Both books as one: what only one of them knows is not lost."""
    for stay in other.stays:
        ledger = seen(ledger, stay)
    return ledger


def begin(ledger: Ledger, run: str, pod: str, boot: str, *, booted_at: float, now: float) -> float:
    """When this run's part of the boot began: with the boot, or where an earlier run of the same boot ended."""
    others = [one.seen_at for one in ledger.stays if (one.pod, one.boot) == (pod, boot) and one.run != run]
    return min(now, max([booted_at, *others]))


def spent(ledger: Ledger, run: str) -> Spent:
    """Over all boots and pods of a run."""
    mine = [one for one in ledger.stays if one.run == run]
    return Spent(
        sum(one.seconds * one.price / HOUR_S for one in mine if one.price is not None),
        sum(one.seconds for one in mine),
        sum(one.seconds for one in mine if one.price is None),
    )
