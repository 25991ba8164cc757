"""The silence of a job in words: for ``/status``, for the record, and for the log. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.stall import fold
from pod_agent.pod.stall.signs import Name, State
from pod_wire.idle import Sign
from pod_wire.stall import StallStatus

if TYPE_CHECKING:
    from pod_agent.pod.stall.fold import Memory, Track

MINUTE_S = 60.0
HOUR_S = 3600.0
SHORT_S = 10.0
SPINS = "the GPU is busy at little power, as when ranks wait for each other (NCCL)"


def status(memory: Memory, minutes: float, now: float, earlier: str | None, held: str | None) -> StallStatus:
    """At a look. ``held``: why its time does not count just now."""
    left = fold.left_s(memory, minutes * MINUTE_S)
    runs = left is not None and held is None and memory.silent_s > 0
    return StallStatus(
        minutes=minutes,
        because=because(memory, minutes, held),
        silent_s=memory.silent_s,
        acts_at=now + left if runs and left is not None else None,
        signs=tuple(_sign(name, track, now) for name, track in memory.tracks.items()),
        earlier=earlier,
    )


def because(memory: Memory, minutes: float, held: str | None = None) -> str:
    """One sentence for a tired person."""
    if minutes <= 0:
        return "The stall brake is off (POD_STALL_MINUTES=0)."
    if held is not None:
        return held
    if not memory.tracks:
        return "It has just been begun."
    if memory.silent_s == 0 and not memory.is_unsure:
        alive = [name for name, track in memory.tracks.items() if track.state is State.ALIVE]
        return f"The job is alive: {', '.join(alive)}." if alive else "It has just been begun."
    if memory.is_unsure:
        unknown = [name for name, track in memory.tracks.items() if track.state is State.UNKNOWN]
        return f"It is silent, and {', '.join(unknown)} cannot be read: not counted as silence."
    return f"No sign of life for {span(memory.silent_s)}: {what(memory)}."


def reason(memory: Memory) -> str:
    """Why it was ended."""
    return f"stalled: no sign of life for {span(memory.silent_s)}: {what(memory)}"


def what(memory: Memory) -> str:
    """Which signs are silent, which this pod or job does not have, and whether the GPU spins."""
    tracks = memory.tracks
    spins = any(track.state is State.SPINNING for track in tracks.values())
    silent = [
        str(name)
        for name, track in tracks.items()
        if track.state is State.SILENT and not (spins and name in {Name.CPU, Name.GPU})
    ]
    absent = [str(name) for name, track in tracks.items() if track.state is State.ABSENT]
    unknown = [str(name) for name, track in tracks.items() if track.state is State.UNKNOWN]
    parts = [f"{', '.join(silent)} silent"] if silent else []
    parts += [SPINS] if spins else []
    parts += [f"{', '.join(unknown)} unknown"] if unknown else []
    parts += [f"{', '.join(absent)} not available"] if absent else []
    stuck = tracks[Name.CPU].because if Name.CPU in tracks else ""
    _, hangs, where = stuck.partition("; ")
    parts += [where.rstrip(".")] if hangs else []
    return "; ".join(parts)


def _sign(name: Name, track: Track, now: float) -> Sign:
    since = now - track.silent_s if track.silent_s else None
    return Sign(name, track.state, track.because, since=since)


def span(seconds: float) -> str:
    """6 s, 40 s, 12 min, 3 h 05 min."""
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s" if seconds < SHORT_S else f"{seconds:.0f} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S:.0f} min"
    return f"{seconds // HOUR_S:.0f} h {seconds % HOUR_S // MINUTE_S:02.0f} min"
