"""What is remembered of the signals: of each how it is, since when, and when it last counted as busy. Values only.

All moments are of the monotonic clock. Not here: how samples become it (``fold``).
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the codec reads it
from dataclasses import field

from pod_agent.pod.idle.signs import STALE_S, UNKNOWN_S, Name, Reading, State
from pod_wire.frozen import dataclass

NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Track:
    """What is remembered of one signal."""

    reading: Reading
    since: float  # when it came to be in this state
    seen_at: float
    busy_at: float | None = None  # the last moment at which it counted as busy
    unknown_from: float | None = None  # the hour of what cannot be read has begun then
    unknown_at: float | None = None
    claimed_from: float | None = None  # since when it says busy, whether or not that is believed


@dataclass(frozen=True, slots=True)
class Doubt:
    """The hour of what cannot be read, one for all signals: else they could be unknown in turns for ever."""

    begun: float  # the first that was unknown since anything was last seen to move
    last: float


@dataclass(frozen=True, slots=True)
class Memory:
    """``since``: counting began. Kept over agents of one boot."""

    since: float
    sampled_at: float
    tracks: Mapping[Name, Track] = field(default_factory=dict)
    doubt: Doubt | None = None


def fresh(now: float) -> Memory:
    """Nothing was looked at yet: all is unknown."""
    nothing = "It was not looked at yet."
    return Memory(now, now, {name: Track(Reading(name, State.UNKNOWN, nothing), now, now) for name in Name})


def stale_until(track: Track, doubt: Doubt | None, now: float) -> float | None:
    """For a signal that was not read for a while: until when it counts as busy all the same, not beyond now."""
    return min(now, unknown_from(track, doubt) + UNKNOWN_S) if is_stale(track, now) else None


def unknown_from(track: Track, doubt: Doubt | None) -> float:
    """For a signal that is unknown: when the hour for which it counts as busy has begun."""
    if track.unknown_from is not None:
        return track.unknown_from
    return track.seen_at if doubt is None else min(track.seen_at, doubt.begun)


def is_stale(track: Track, now: float) -> bool:
    return now - track.seen_at > STALE_S
