"""The brake's verdict in words and wall-clock moments: what ``/status`` serves and people read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.idle.signs import HUMAN_FACTOR, State
from pod_wire.frozen import dataclass
from pod_wire.idle import IdleStatus, Keep, Sign

if TYPE_CHECKING:
    from pod_agent.pod.idle.judge import Hold, Verdict
    from pod_agent.pod.idle.leases import Lease

MINUTE_S = 60.0
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, on both clocks: what is kept monotonic is told by the wall clock."""

    now: float
    mono: float

    def wall(self, mono: float) -> float:
        return self.now + (mono - self.mono)


def status(verdict: Verdict, leases: tuple[Lease, ...], phase: str, at: Moment) -> IdleStatus:
    return IdleStatus(
        minutes=verdict.minutes,
        human_minutes=verdict.minutes * HUMAN_FACTOR,
        because=because(verdict, phase, at),
        stops_at=None if verdict.stops_at is None else at.wall(verdict.stops_at),
        idle_since=None if verdict.idle_since is None else at.wall(verdict.idle_since),
        signs=tuple(sign(hold, at) for hold in verdict.holds),
        keeps=tuple(Keep(at.wall(lease.over_at), lease.given_at, lease.because) for lease in leases),
    )


def because(verdict: Verdict, phase: str, at: Moment) -> str:
    """One sentence for a tired person."""
    if verdict.minutes <= 0:
        return "The idle brake is off (POD_IDLE_MINUTES=0)."
    if verdict.stops_at is None or verdict.idle_since is None:
        return f"The pod is {phase}: the idle brake does not stop it."
    if verdict.leased_until is not None and verdict.stops_at == verdict.leased_until > at.mono:
        return "Somebody asked to keep it."
    busy = [
        hold.name for hold in verdict.holds if hold.track.reading.state is State.BUSY and not hold.is_stale
    ]
    if busy:
        return f"In use now: {', '.join(busy)}."
    idle = span(max(0.0, at.mono - verdict.idle_since))
    last = f"; the last sign of use: {verdict.last}" if verdict.last is not None else ""
    return f"There is no job, and nothing was in use for {idle}{last}."


def reason(verdict: Verdict) -> str:
    """Why the pod was stopped, for its last words."""
    if verdict.leased_until is not None and verdict.stops_at == verdict.leased_until:
        return "idle: no job, and the time for which it was kept is over"
    if verdict.last is None or verdict.stops_at is None or verdict.idle_since is None:
        return f"idle: no job for {verdict.minutes:g} minutes"
    spent = span(verdict.stops_at - verdict.idle_since)
    return f"idle: no job, and no sign of use for {spent}; the last one: {verdict.last}"


def notice(left_s: float, reason: str, pod: str) -> str:
    """The last message before the stop, for the console and for every terminal."""
    because = reason.removeprefix("idle: ")
    keep = f"To keep it: pod-client keep {pod} 1h, or press a key in a terminal of it"
    return f"podkeep: stopping in {left_s:.0f} s because the pod is idle: {because}. {keep}"


def sheet(status: IdleStatus) -> list[str]:
    """Each signal on a line: its state, its value, its limit, and why."""
    rows = [(one.name, one.state, one.value or "-", one.limit or "-", one.because) for one in status.signs]
    rows.insert(0, ("signal", "state", "now", "busy from", "why"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return [
        "  ".join((*(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)), row[4]))
        for row in rows
    ]


def sign(hold: Hold, at: Moment) -> Sign:
    track = hold.track
    reading = track.reading
    state, said, value = reading.state, reading.because, reading.value
    if hold.is_stale:
        state, value = State.UNKNOWN, None
        said = f"Nobody could look for {span(at.mono - track.seen_at)}."
    if state is State.UNKNOWN:
        left = hold.unknown_until - at.mono
        said += (
            f" It counts as in use for {span(left)} more." if left > 0 else " It no longer counts as in use."
        )
    until = None if hold.until is None or hold.until <= at.mono else at.wall(hold.until)
    return Sign(hold.name, state, said, value, reading.limit, at.wall(track.since), until)


def span(seconds: float) -> str:
    """40 s, 12 min, 3 h 05 min."""
    if seconds < MINUTE_S:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S:.0f} min"
    return f"{seconds // HOUR_S:.0f} h {seconds % HOUR_S // MINUTE_S:02.0f} min"
