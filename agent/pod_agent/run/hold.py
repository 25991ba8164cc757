"""A job that failed before its first step keeps its pod for a while, if somebody follows. Pure.

The next ``pod-client up`` then finds pod, code and packages where they are. Not here: who follows (``parting``), and
what comes after the hold (``exits``).
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass
from pod_wire.status import Held, Outcome, Phase

if TYPE_CHECKING:
    from pod_agent.pod.idle.leases import Lease
    from pod_agent.run.situation import State
    from pod_agent.run.state import Job
    from pod_wire.status import Progress

MINUTE_S = 60.0
WITHIN_S = 60.0  # who was seen within this time follows
COME_S = 90.0  # after HTTP came up, whoever gave the order may still be on the way: proxies take their time
AGAIN = "fix it and run `pod-client up` again"


@dataclass(frozen=True, slots=True)
class Company:
    """``by``: who follows, in words; None: nobody. ``come_by``: until then somebody may still come; None: no more."""

    by: str | None = None
    come_by: float | None = None


def has_stepped(job: Job, progress: Progress | None) -> bool:
    """Whether a step was seen under this order, or a checkpoint that was not there before."""
    told = progress.step_at if progress is not None else None
    return (told is not None and told >= job.accepted_at) or job.made_progress


def begin(
    job: Job, company: Company, *, stepped: bool, now: float, mono: float, most_s: float | None = None
) -> Held | None:
    """The hold of a job that has ended, if it gets one. ``most_s``: what is left until the first deadline."""
    minutes, ending = job.spec.hold_minutes, job.ending
    is_wanted = minutes > 0 and ending is not None and ending.outcome is Outcome.FAILED
    if not is_wanted or stepped or job.stop_because is not None:
        return None
    left = minutes * MINUTE_S if most_s is None else min(minutes * MINUTE_S, most_s)
    if left <= 0 or (company.by is None and (company.come_by or now) <= now):
        return None
    come_by = None if company.by is not None else company.come_by
    return Held(now + left, minutes, company.by, come_by, over_at=mono + left)


def followed(held: Held, by: str) -> Held:
    """Somebody came in time."""
    return replace(held, by=by, come_by=None)


def ends_at(held: Held) -> float:
    """When the exit policy follows, if nobody comes."""
    return held.until if held.come_by is None else min(held.until, held.come_by)


def of(state: State) -> Held | None:
    """The hold that stands."""
    is_over = state.phase is not Phase.FINISHED or state.job is None
    return None if is_over or state.job is None else state.job.held


def words(held: Held, then: str) -> str:
    """A line of the job's log."""
    moment = time.strftime("%H:%M UTC", time.gmtime(held.until))
    if held.by is None:
        return f"podkeep: nobody follows yet; if somebody does, the pod is held until {moment} (POD_HOLD_MINUTES)"
    return f"podkeep: the pod is held until {moment}, as {held.by}; {AGAIN}; {then}"


def over_words(held: Held) -> str:
    if held.by is None:
        return "nobody followed the job's failure"
    return f"the hold of {held.minutes:g} minutes is over, and no new order came"


def shown(state: State, leased: tuple[Lease, ...]) -> Held | None:
    """As people are told of it, who thereby follow: until its own end, or that of the longest lease."""
    held = of(state)
    return (
        None if held is None else replace(held, until=max([held.until, *(lease.until for lease in leased)]))
    )


def left_s(state: State, now: float, mono: float, leased: tuple[Lease, ...] = ()) -> float | None:
    """How much is left; None without a hold. A lease that somebody takes meanwhile puts its end off.

    Counted on the clock that never jumps, over agents too; where its kernel is gone, the wall clock alone tells.
    """
    held = of(state)
    if held is None:
        return None
    at, whole = ends_at(held), held.minutes * MINUTE_S
    left = whole + 1 if held.over_at is None else held.over_at - (held.until - at) - mono
    if left > whole:
        left = min(whole, at - now)
    return max(0.0, left, *(lease.over_at - mono for lease in leased))
