"""What the memory means: until when each signal holds the pod, and when it stops if nothing more happens. Pure.

Moments are of the monotonic clock. Not here: the words for people (``words``), and the stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.idle.memory import is_stale, stale_until, unknown_from
from pod_agent.pod.idle.signs import HUMAN, HUMAN_FACTOR, MINUTE_S, STALE_S, UNKNOWN_S, Name
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.pod.idle.memory import Doubt, Memory, Track

NOTICE_S = 60.0  # before a stop people are told


@dataclass(frozen=True, slots=True)
class Hold:
    """One signal: what is remembered of it, and until when it holds the pod. None: it was never busy."""

    name: Name
    track: Track
    busy_at: float | None  # the last moment at which it counted as busy, or counts without having been read
    until: float | None
    unknown_until: float  # were it unknown, it would count as busy until then
    is_stale: bool = False  # it was not read for a while


@dataclass(frozen=True, slots=True)
class Verdict:
    """``stops_at`` is None where the brake is off or has nothing to say, as while a job is worked on."""

    idle_since: float | None
    stops_at: float | None
    is_due: bool = False
    last: Name | None = None  # whose hold ends last; None: that of the job's end, or of a lease
    holds: tuple[Hold, ...] = ()
    minutes: float = 0.0
    leased_until: float | None = None


def judge(
    memory: Memory,
    *,
    rest_since: float | None,
    minutes: float,
    leased_until: float | None,
    now: float,
    began: float,
) -> Verdict:
    """``rest_since``: since when no job is worked on; None while one is. ``began``: since when this agent looks."""
    holds = tuple(_hold(name, track, memory.doubt, minutes, now) for name, track in memory.tracks.items())
    if rest_since is None or minutes <= 0:
        return Verdict(None, None, holds=holds, minutes=minutes, leased_until=leased_until)
    counted = max(rest_since, memory.since)
    stops_at, last = counted + minutes * MINUTE_S, None
    for hold in holds:
        if hold.until is not None and hold.until > stops_at:
            stops_at, last = hold.until, hold.name
    if leased_until is not None and leased_until > stops_at:
        stops_at, last = leased_until, None
    idle_since = max([counted, *(hold.busy_at for hold in holds if hold.busy_at is not None)])
    is_sure = memory.sampled_at >= stops_at or now - max(memory.sampled_at, began) > STALE_S
    return Verdict(idle_since, stops_at, now >= stops_at and is_sure, last, holds, minutes, leased_until)


def left_s(verdict: Verdict, looked_at: float, now: float) -> float | None:
    """Seconds until the pod stops. At the end of them it is looked once more, so that nobody is stopped unseen."""
    if verdict.stops_at is None:
        return None
    if verdict.is_due:
        return 0.0
    if now < verdict.stops_at:
        return verdict.stops_at - now
    return max(0.1, looked_at + STALE_S - now)


def _busy_at(track: Track, doubt: Doubt | None, now: float) -> float | None:
    stale = stale_until(track, doubt, now)
    moments = [moment for moment in (track.busy_at, stale) if moment is not None]
    return max(moments, default=None)


def _hold(name: Name, track: Track, doubt: Doubt | None, minutes: float, now: float) -> Hold:
    busy_at = _busy_at(track, doubt, now)
    window_s = minutes * MINUTE_S * (HUMAN_FACTOR if name in HUMAN else 1.0)
    until = None if busy_at is None or minutes <= 0 else busy_at + window_s
    return Hold(name, track, busy_at, until, unknown_from(track, doubt) + UNKNOWN_S, is_stale(track, now))
