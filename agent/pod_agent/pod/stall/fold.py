"""Readings folded into how long a job has shown no sign of life, in seconds that were really looked at. Pure.

Any sign that is alive ends the silence. One that cannot be read neither ends it nor counts as silence, for as long as
the brake's own patience; after that it is no reason to wait any longer. Processes that cannot be seen allow no verdict
at all. While the GPU spins, the processor is not asked: a host thread that waits for a GPU may burn a core.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the codec reads it
from dataclasses import field

from pod_agent.pod.stall.signs import Name, Reading, State
from pod_wire.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Track:
    """One sign: how it is, and for how many counted seconds it has not been alive."""

    state: State
    because: str = ""
    silent_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one attempt."""

    attempt: str
    silent_s: float = 0.0
    unknown_s: float = 0.0  # of this silence, in which something could not be read
    is_unsure: bool = False  # something cannot be read just now, and nothing is counted for its sake
    tracks: Mapping[Name, Track] = field(default_factory=dict)
    held_s: float = 0.0  # for how long the log's disk has taken nothing


def fold(memory: Memory, readings: tuple[Reading, ...], counted_s: float, patience_s: float) -> Memory:
    """After a look. ``counted_s``: how much of the time since the last one counts; 0 while it is held."""
    tracks = {one.name: _track(memory.tracks.get(one.name), one, counted_s) for one in readings}
    if is_alive(readings):
        return Memory(memory.attempt, tracks=tracks)
    unknown = {one.name for one in readings if one.state is State.UNKNOWN}
    cannot_tell = Name.CPU in unknown and not _spins(readings)
    unknown_s = memory.unknown_s + (counted_s if unknown else 0.0)
    if cannot_tell or (unknown and unknown_s <= patience_s):
        return Memory(memory.attempt, memory.silent_s, unknown_s, is_unsure=True, tracks=tracks)
    return Memory(memory.attempt, memory.silent_s + counted_s, unknown_s, tracks=tracks)


def is_alive(readings: tuple[Reading, ...]) -> bool:
    spins = _spins(readings)
    return any(one.state is State.ALIVE and not (spins and one.name is Name.CPU) for one in readings)


def left_s(memory: Memory, patience_s: float) -> float | None:
    """Seconds until it is a stall, if nothing more happens; None where nobody can tell, or it is off."""
    if patience_s <= 0 or memory.is_unsure:
        return None
    return max(0.0, patience_s - memory.silent_s)


def is_stalled(memory: Memory, patience_s: float) -> bool:
    return bool(memory.tracks) and memory.silent_s > 0 and left_s(memory, patience_s) == 0


def _spins(readings: tuple[Reading, ...]) -> bool:
    return any(one.state is State.SPINNING for one in readings)


def _track(before: Track | None, now: Reading, counted_s: float) -> Track:
    silent_s = 0.0 if now.state is State.ALIVE or before is None else before.silent_s + counted_s
    return Track(now.state, now.because, silent_s)
