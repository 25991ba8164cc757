"""Samples folded into a memory: of each signal how it is, since when, and when it last counted as busy. Pure.

All moments are of the monotonic clock. Not here: what it means for the pod (``judge``).
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the codec reads it
from dataclasses import dataclass, field, replace

from pod_agent.pod.idle.signs import LEAN_S, LEANING, STALE_S, UNKNOWN_S, Name, Reading, Sample, State

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
class Memory:
    """``since``: counting began. Kept over agents of one boot."""

    since: float
    sampled_at: float
    tracks: Mapping[Name, Track] = field(default_factory=dict)


def fresh(now: float) -> Memory:
    """Nothing was looked at yet: all is unknown."""
    nothing = "It was not looked at yet."
    return Memory(now, now, {name: Track(Reading(name, State.UNKNOWN, nothing), now, now) for name in Name})


def fold(memory: Memory, sample: Sample, window_s: float) -> Memory:
    """The memory after this sample. ``window_s``: known for so long, a signal gets its hour of being unknown back."""
    given = {reading.name: reading for reading in sample.readings}
    tracks = {}
    for name in Name:
        before = memory.tracks.get(name)
        before = _through_silence(before, sample) if before is not None else None
        if name in given:
            others = _moved(memory, sample, name) if name in LEANING else NEVER
            tracks[name] = _after(before, given[name], sample, window_s, others)
        elif before is not None:
            tracks[name] = before
    return Memory(memory.since, sample.at if sample.is_whole else memory.sampled_at, tracks)


def stale_until(track: Track, now: float) -> float | None:
    """For a signal that was not read for a while: until when it counts as busy all the same, not beyond now."""
    if now - track.seen_at <= STALE_S:
        return None
    begin = track.seen_at if track.unknown_from is None else track.unknown_from
    return min(now, begin + UNKNOWN_S)


def _through_silence(track: Track, sample: Sample) -> Track:
    """Nobody looked for a while, since no agent lived or a look hung: that time is unknown, too."""
    until = stale_until(track, sample.at)
    if until is None:
        return track
    begin = track.seen_at if track.unknown_from is None else track.unknown_from
    return replace(
        track,
        busy_at=_later(track.busy_at, sample.at if not sample.is_resting else until),
        unknown_from=begin,
        unknown_at=sample.at,
        seen_at=sample.at,
    )


def _after(track: Track | None, reading: Reading, sample: Sample, window_s: float, others: float) -> Track:
    at = sample.at
    claimed = None
    if reading.state is State.BUSY:
        claimed = at if track is None or track.claimed_from is None else track.claimed_from
        if reading.name in LEANING and at - max(claimed, others) > LEAN_S:
            reading = replace(reading, state=State.IDLE, because=f"{reading.because} But {UNBELIEVED}")
    since = at if track is None or track.reading.state is not reading.state else track.since
    busy_at = track.busy_at if track is not None else None
    begun, last = (track.unknown_from, track.unknown_at) if track is not None else (None, None)
    match reading.state:
        case State.BUSY:
            return Track(reading, since, at, at, claimed_from=claimed)
        case State.UNKNOWN:
            if begun is None or not sample.is_resting:
                begun = at
            counts = min(at, begun + UNKNOWN_S)
            claimed = None if track is None else track.claimed_from
            return Track(reading, since, at, _later(busy_at, counts), begun, at, claimed)
        case State.IDLE | State.ABSENT:
            if last is not None and at - last >= window_s:
                begun = last = None
            if reading.ago_s is not None:
                busy_at = _later(busy_at, at - reading.ago_s)
            return Track(reading, since, at, busy_at, begun, last, claimed)


UNBELIEVED = "nothing else has moved for an hour, so it no longer counts."


def _moved(memory: Memory, sample: Sample, name: Name) -> float:
    """When anything but the signals that go on by themselves was last busy; a job that is worked on is, too."""
    if not sample.is_resting:
        return sample.at
    now = [
        sample.at
        for reading in sample.readings
        if reading.name not in LEANING and reading.name is not name and reading.state is State.BUSY
    ]
    before = [
        track.busy_at
        for other, track in memory.tracks.items()
        if other not in LEANING and track.busy_at is not None
    ]
    return max([*now, *before], default=NEVER)


def _later(one: float | None, other: float) -> float:
    return other if one is None else max(one, other)
