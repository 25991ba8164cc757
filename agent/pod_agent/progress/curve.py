"""The loss over a whole run in a bounded number of points: when they are too many, every second one goes. Pure."""

from __future__ import annotations

import math

from pod_wire.frozen import dataclass

MOST = 120
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Curve:
    """Points in order. ``stride``: how many losses one point stands for; ``waiting``: how many came since the last."""

    points: tuple[float, ...] = ()
    stride: int = 1
    waiting: int = 0


def add(curve: Curve, loss: float) -> Curve:
    """With one loss more; one that is no number leaves the curve as it is."""
    if not math.isfinite(loss):
        return curve
    if curve.points and curve.waiting + 1 < curve.stride:
        return Curve(curve.points, curve.stride, curve.waiting + 1)
    points, stride = (*curve.points, loss), curve.stride
    if len(points) > MOST:
        points, stride = points[::2], stride * 2
    return Curve(points, stride)


def shown(curve: Curve, newest: float | None) -> tuple[float, ...]:
    """At most so many, the last of them the newest."""
    points = curve.points
    while len(points) > SHOWN:
        points = points[::2]
    if newest is None or not math.isfinite(newest) or (points and points[-1] == newest):
        return points
    return (*points[: SHOWN - 1], newest)
