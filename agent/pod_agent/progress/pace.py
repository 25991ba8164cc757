"""How fast the steps advance, and when the last one comes: robust, recent, with how sure that is. Pure.

Between two points lies a rate; half the time it went faster than the middle one. Pauses (an evaluation, a save) count
for the time that is left, not for the rate that is shown.
"""

from __future__ import annotations

import itertools

from pod_wire.frozen import dataclass

MOST = 64  # points
RECENT_S = 900.0
MOMENT_S = 0.01  # lines that were read at one look were not written at the speed at which they are read
LEAST = 4  # points before a guess is an estimate
LEAST_S = 10.0
TOO_LONG_S = 10 * 365 * 86400.0

Points = tuple[tuple[float, int], ...]  # moment, step


@dataclass(frozen=True, slots=True)
class Pace:
    """Steps per second: the middle one, the mean with all pauses, and the slow and fast quarter."""

    middle: float
    mean: float
    slow: float
    fast: float
    is_sure: bool  # False: too few points, or too short a time


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds until the last step, and between what bounds."""

    seconds: float
    least: float
    most: float
    is_sure: bool


def add(points: Points, at: float, step: int) -> Points:
    """With one point more: of one moment the last counts, and what is old goes where enough is left."""
    if points and at - points[-1][0] < MOMENT_S:
        return (*points[:-1], (points[-1][0], step))
    kept = (*points, (at, step))[-MOST:]
    while len(kept) > 2 * LEAST and at - kept[1][0] > RECENT_S:
        kept = kept[1:]
    return kept


def pace(points: Points) -> Pace | None:
    """None where nothing has advanced yet."""
    if len(points) < 2 or points[-1][1] <= points[0][1]:  # noqa: PLR2004 - a rate lies between two points
        return None
    spans = [
        (b_at - a_at, (b - a) / (b_at - a_at))
        for (a_at, a), (b_at, b) in itertools.pairwise(points)
        if b_at > a_at and b > a
    ]
    whole = points[-1][0] - points[0][0]
    if not spans or whole <= 0:
        return None
    mean = (points[-1][1] - points[0][1]) / whole
    is_sure = len(points) >= LEAST and whole >= LEAST_S
    return Pace(_at(spans, 0.5), mean, min(mean, _at(spans, 0.25)), max(mean, _at(spans, 0.75)), is_sure)


def eta(rate: Pace | None, step: int | None, total: int | None, since: float) -> Eta | None:
    """From a step that was reached ``since`` seconds ago; None where the end or the rate is not known."""
    if step is None or total is None or total < step:
        return None
    if total == step:
        return Eta(0.0, 0.0, 0.0, is_sure=True)
    if rate is None:
        return None
    left = total - step
    gone = min(max(0.0, since), 1.0 / rate.mean)  # of the step that is being made
    seconds = max(0.0, left / rate.mean - gone)
    if seconds > TOO_LONG_S:
        return None
    return Eta(
        seconds, max(0.0, left / rate.fast - gone), max(seconds, left / rate.slow - gone), rate.is_sure
    )


def _at(spans: list[tuple[float, float]], share: float) -> float:
    """The rate below which this share of the time was spent."""
    wanted = share * sum(seconds for seconds, _ in spans)
    gone = 0.0
    ordered = sorted(spans, key=lambda span: span[1])
    for seconds, rate in ordered:
        gone += seconds
        if gone >= wanted:
            return rate
    return ordered[-1][1]
