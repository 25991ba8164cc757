"""Samples folded into a memory, one after another. Pure.

Not here: what is remembered (``memory``), and what it means for the pod (``judge``).
"""

from __future__ import annotations

from dataclasses import replace

from pod_agent.pod.idle.memory import NEVER, Doubt, Memory, Track, is_stale, stale_until, unknown_from
from pod_agent.pod.idle.signs import HUMAN_FACTOR, LEAN_S, LEANING, UNKNOWN_S, Name, Reading, Sample, State


def fold(memory: Memory, sample: Sample, window_s: float) -> Memory:
    """The memory after this sample. ``window_s``: known for so long, a signal gets its hour of being unknown back."""
    given = {reading.name: reading for reading in sample.readings}
    doubt, moved = _doubt(memory, sample, window_s), _moved(memory, sample)
    tracks = {}
    for name in Name:
        before = memory.tracks.get(name)
        before = _through_silence(before, sample, doubt) if before is not None else None
        if name in given:
            tracks[name] = _after(before, given[name], sample, doubt, window_s=window_s, moved=moved)
        elif before is not None:
            tracks[name] = before
    return Memory(memory.since, sample.at if sample.is_whole else memory.sampled_at, tracks, doubt)


def _doubt(memory: Memory, sample: Sample, window_s: float) -> Doubt | None:
    """None once something moves; or where all was known for so long that only a lease can still keep the pod."""
    if not sample.is_resting or any(_is_moving(reading) for reading in sample.readings):
        return None
    lost = [track.seen_at for track in memory.tracks.values() if is_stale(track, sample.at)]
    unknown = [sample.at for reading in sample.readings if reading.state is State.UNKNOWN]
    if lost or unknown:
        begun = min([*lost, *unknown]) if memory.doubt is None else memory.doubt.begun
        return Doubt(begun, sample.at)
    longest_s = LEAN_S + HUMAN_FACTOR * window_s  # an open page leans for so long on what counted as busy
    is_over = memory.doubt is None or sample.at - memory.doubt.last >= longest_s
    return None if is_over else memory.doubt


def _is_moving(reading: Reading) -> bool:
    return reading.state is State.BUSY and reading.name not in LEANING


def _through_silence(track: Track, sample: Sample, doubt: Doubt | None) -> Track:
    """Nobody looked for a while, since no agent lived or a look hung: that time is unknown, too."""
    until = stale_until(track, doubt, sample.at)
    if until is None:
        return track
    return replace(
        track,
        busy_at=_later(track.busy_at, sample.at if not sample.is_resting else until),
        unknown_from=unknown_from(track, doubt),
        unknown_at=sample.at,
        seen_at=sample.at,
    )


def _after(
    track: Track | None,
    reading: Reading,
    sample: Sample,
    doubt: Doubt | None,
    *,
    window_s: float,
    moved: float,
) -> Track:
    at = sample.at
    claimed = None
    if reading.state is State.BUSY:
        claimed = at if track is None or track.claimed_from is None else track.claimed_from
        if reading.name in LEANING and at - max(claimed, moved) > LEAN_S:
            reading = replace(reading, state=State.IDLE, because=f"{reading.because} But {UNBELIEVED}")
    since = at if track is None or track.reading.state is not reading.state else track.since
    busy_at = track.busy_at if track is not None else None
    begun, last = (track.unknown_from, track.unknown_at) if track is not None else (None, None)
    match reading.state:
        case State.BUSY:
            return Track(reading, since, at, at, claimed_from=claimed)
        case State.UNKNOWN:
            if begun is None or not sample.is_resting:
                begun = at if doubt is None else doubt.begun
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


def _moved(memory: Memory, sample: Sample) -> float:
    """When anything but the signals that go on by themselves was last busy; a job that is worked on is, too."""
    if not sample.is_resting:
        return sample.at
    now = [sample.at for reading in sample.readings if _is_moving(reading)]
    before = [
        track.busy_at
        for other, track in memory.tracks.items()
        if other not in LEANING and track.busy_at is not None
    ]
    return max([*now, *before], default=NEVER)


def _later(one: float | None, other: float) -> float:
    return other if one is None else max(one, other)
