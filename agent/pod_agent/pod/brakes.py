"""When the pod must stop though nobody asks: the deadline of a boot, and idleness without a job. Pure.

A deadline is an absolute moment with the boot and order it belongs to. A container restart finds it and keeps it;
one of an earlier boot never stops a later one. Idleness is counted on a clock that never jumps.
"""

from __future__ import annotations

from dataclasses import dataclass

from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.routes import FORMAT

FILE = "deadline.json"
HOUR_S = 3600.0
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """As it lies on the container's disk, where the entrypoint finds it too."""

    at: float  # seconds since the epoch
    boot: str
    order: str
    hours: float
    format: int = FORMAT


def deadline(
    known: Deadline | None, boot: str, order: str, hours: float | None, since: float
) -> Deadline | None:
    """The deadline of this order on this boot: the one that was set already, or hours after ``since``."""
    if hours is None:
        return None
    if known is not None and known.boot == boot and known.order == order:
        return known
    return Deadline(since + hours * HOUR_S, boot, order, hours)


def dump(value: Deadline) -> bytes:
    return to_json(value) + b"\n"


def load(data: bytes) -> Deadline | None:
    """A deadline that was kept; None for one that cannot be read, which is then set anew."""
    try:
        return from_json(Deadline, data) if data else None
    except BadInput:
        return None


def deadline_left(at: float | None, now: float) -> float | None:
    """Seconds until the deadline; None without one."""
    return None if at is None else max(0.0, at - now)


def deadline_reason(hours: float) -> str:
    return f"deadline: POD_MAX_HOURS={hours:g} is over"


def idle_left(since: float | None, minutes: float, now: float) -> float | None:
    """Seconds until idleness stops the pod. ``since`` and ``now`` are monotonic; 0 minutes is off."""
    if since is None or minutes <= 0:
        return None
    return max(0.0, since + minutes * MINUTE_S - now)


def idle_reason(minutes: float) -> str:
    return f"idle: no job for {minutes:g} minutes"
