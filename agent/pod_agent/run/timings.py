"""How long each phase took: pure functions over the tuple of times that a job's record carries."""

from __future__ import annotations

from dataclasses import replace

from pod_wire.status import Phase, PhaseTime

MOST = 200  # a job that restarts for weeks keeps its first and its newest times


def enter(times: tuple[PhaseTime, ...], phase: Phase, now: float) -> tuple[PhaseTime, ...]:
    """Close the phase that lasts, and open the next one."""
    closed = close(times, now)
    kept = closed if len(closed) < MOST else (*closed[: MOST // 2], *closed[1 + MOST // 2 :])
    return (*kept, PhaseTime(phase, now))


def close(times: tuple[PhaseTime, ...], now: float) -> tuple[PhaseTime, ...]:
    """Give the last phase its seconds. A clock set back gives zero, never less."""
    if not times or times[-1].seconds is not None:
        return times
    last = times[-1]
    return (*times[:-1], replace(last, seconds=round(max(0.0, now - last.started_at), 3)))
