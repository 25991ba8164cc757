"""When the pod must stop though nobody asks: the deadlines of a boot, and idleness without a job. Pure.

A deadline is an absolute moment with the boot and order it belongs to, by hours or by dollars. A container restart
finds it and keeps it; one of an earlier boot never stops a later one. On disk it is a moment of the wall clock; what is
left of it is counted on the clock that never jumps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import moment
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass
from pod_wire.routes import FORMAT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pod_agent.pod.moment import Moment

FILE = "deadline.json"
HOUR_S = 3600.0
MINUTE_S = 60.0
TREMBLE_S = 1.0  # two clocks are read one after the other
LEFT = 0.2  # of a limit, when it is warned of
NEARLY = "80 % of "  # how that warning begins


@dataclass(frozen=True, slots=True)
class Deadline:
    """By hours, or by dollars: then ``span_s`` is what they last for at the price, from the first to the last one."""

    at: float  # seconds since the epoch
    boot: str
    order: str
    hours: float | None = None
    dollars: float | None = None
    span_s: float | None = None
    words: str = ""  # at which price, and who says so
    mono: float | None = None  # the same moment on the clock that never jumps
    kernel: str = ""  # whose clock that is
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class OnDisk:
    """As they lie on the container's disk: the entrypoint's last resort reads the first two fields, the earliest's."""

    at: float
    boot: str
    order: str
    hours: float | None = None
    every: tuple[Deadline, ...] = ()
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


def anchored(value: Deadline | None, now: Moment) -> Deadline | None:
    """By both clocks as they are now: one that was set between two agents of one kernel moves nothing."""
    if value is None:
        return None
    mono = moment.of_wall(value.at, value.mono, value.kernel, now)
    at = now.wall + (mono - now.mono)
    return replace(value, at=value.at if is_near(at, value.at) else at, mono=mono, kernel=now.kernel)


def is_near(one: float, other: float) -> bool:
    """Whether two moments are one, as far as clocks can tell."""
    return abs(one - other) < TREMBLE_S


def dump(*values: Deadline | None) -> bytes:
    """What the container's disk gets; b"" for none."""
    known = tuple(value for value in values if value is not None)
    if not known:
        return b""
    first = min(known, key=lambda value: value.at)
    return to_json(OnDisk(first.at, first.boot, first.order, first.hours, known)) + b"\n"


def load(data: bytes) -> tuple[Deadline, ...]:
    """The deadlines that were kept; none where they cannot be read, and then they are set anew."""
    try:
        found = from_json(OnDisk, data) if data else None
    except BadInput:
        return ()
    if found is None:
        return ()
    if not found.every and found.hours is not None:  # of an older podkeep
        return (Deadline(found.at, found.boot, found.order, found.hours),)
    return found.every


def by_hours(values: Iterable[Deadline]) -> Deadline | None:
    return next((value for value in values if value.dollars is None), None)


def by_dollars(values: Iterable[Deadline]) -> Deadline | None:
    return next((value for value in values if value.dollars is not None), None)


def left_s(value: Deadline, now: float, mono: float) -> float:
    """Seconds until then, never negative: by the clock that never jumps, where the deadline is known by it."""
    left = value.at - now if value.mono is None else value.mono - mono
    return max(0.0, left)


def shown(value: Deadline, now: float, mono: float) -> float:
    """The moment as the wall clock reads it now: where that was not set, always the same one."""
    at = now + left_s(value, now, mono)
    return value.at if is_near(value.at, at) or value.at <= at == now else at


def is_nearing(value: Deadline, now: float, mono: float) -> bool:
    """Whether four fifths of the hours or dollars are gone."""
    span_s = value.span_s if value.span_s is not None else (value.hours or 0.0) * HOUR_S
    return left_s(value, now, mono) <= span_s * LEFT


def kind(value: Deadline) -> str:
    """One word for the status."""
    return "deadline" if value.dollars is None else "budget"


def reason(value: Deadline) -> str:
    """Why the job was ended, or the pod stopped."""
    if value.dollars is None:
        return f"deadline: POD_MAX_HOURS={value.hours or 0:g} is over"
    words = f", {value.words}" if value.words else ""
    return f"budget: POD_MAX_COST={value.dollars:g} is spent{words}"


def remedy(value: Deadline) -> str:
    """What a person may do about it."""
    if value.dollars is None:
        return ""
    return "to go on with this run raise it: pod-client up --max-cost; a new run counts anew: pod-client up --fresh"


def idle_left(since: float | None, minutes: float, now: float) -> float | None:
    """Seconds until idleness stops the pod. ``since`` and ``now`` are monotonic; 0 minutes is off."""
    if since is None or minutes <= 0:
        return None
    return max(0.0, since + minutes * MINUTE_S - now)


def idle_reason(minutes: float) -> str:
    return f"idle: no job for {minutes:g} minutes"
