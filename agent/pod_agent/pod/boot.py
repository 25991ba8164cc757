"""Is this the same boot as the one that was seen last? A ladder of three pure rungs; the first that knows, decides.

A boot lasts from start to stop. A container that crashed and came back is the same boot: it must neither get a new
deadline nor forget that its job is over. Not here: where what was seen is kept (``record``).
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from pod_agent.pod import moment
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.pod.moment import Moment

DOUBT_SPAN_S = 3600.0
TREMBLE_S = 1.0  # two clocks are read one after the other
MOST_DOUBTS = 3  # the third "new, I suppose" within the span is taken for a crash loop


class Sign(StrEnum):
    """What a rung says."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be seen now. ``marker`` is the boot whose name lies on the container's disk."""

    hostname: str = ""
    tcp_ports: tuple[str, ...] = ()
    started_at: str | None = None
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class Boot:
    """A boot as it was seen: its name, and what the rungs compare. ``doubts``: when it was new for want of any sign."""

    id: str
    booted_at: float
    hostname: str = ""
    tcp_ports: tuple[str, ...] = ()
    started_at: str | None = None
    doubts: tuple[float, ...] = ()
    mono: float | None = None  # the same moment on the clock that never jumps
    kernel: str = ""  # whose clock that is


def by_started_at(facts: Facts, seen: Boot) -> Sign:
    """RunPod's ``startedAt``: equal is the same; moved is another boot, but at one address it may be a crash."""
    if facts.started_at is None or seen.started_at is None:
        return Sign.UNKNOWN
    if facts.started_at == seen.started_at:
        return Sign.SAME
    return Sign.UNKNOWN if by_address(facts, seen) is Sign.SAME else Sign.DIFFERENT


def by_marker(facts: Facts, seen: Boot) -> Sign:
    """The name on the container's disk: a stop wipes it. So does, perhaps, a crash: missing says nothing."""
    if facts.marker is None:
        return Sign.UNKNOWN
    return Sign.SAME if facts.marker == seen.id else Sign.DIFFERENT


def by_address(facts: Facts, seen: Boot) -> Sign:
    """Hostname and outside ports: both are new after every start."""
    known = [
        now == then
        for now, then in ((facts.hostname, seen.hostname), (facts.tcp_ports, seen.tcp_ports))
        if now and then
    ]
    if not known:
        return Sign.UNKNOWN
    return Sign.SAME if all(known) else Sign.DIFFERENT


def needs_started_at(facts: Facts, seen: Boot | None) -> bool:
    """Whether asking RunPod could change the verdict. At an unchanged address it cannot, and no time is spent on it."""
    if seen is None or seen.started_at is None:
        return False
    return by_address(facts, seen) is not Sign.SAME


def judge(facts: Facts, seen: Boot | None, now: float) -> tuple[Sign, str]:
    """Same or different, and why. Never UNKNOWN."""
    if seen is None:
        return Sign.DIFFERENT, "no earlier boot is known"
    rungs = (("startedAt", by_started_at), ("marker", by_marker), ("address", by_address))
    for name, rung in rungs:
        sign = rung(facts, seen)
        if sign is not Sign.UNKNOWN:
            return sign, name
    recent = [at for at in seen.doubts if 0 <= now - at < DOUBT_SPAN_S]
    if len(recent) >= MOST_DOUBTS - 1:
        return Sign.SAME, "no sign at all, for the third time within an hour: a crash loop"
    return Sign.DIFFERENT, "no sign at all"


def settle(facts: Facts, seen: Boot | None, now: float) -> tuple[Boot, bool, str]:
    """The boot we are in, whether it is the one that was seen, and why."""
    sign, why = judge(facts, seen, now)
    if sign is Sign.SAME and seen is not None:
        kept = Boot(
            seen.id,
            seen.booted_at,
            facts.hostname or seen.hostname,
            facts.tcp_ports or seen.tcp_ports,
            facts.started_at or seen.started_at,
            seen.doubts,
            seen.mono,
            seen.kernel,
        )
        return kept, True, why
    doubted = seen is not None and why.startswith("no sign")
    earlier = tuple(at for at in seen.doubts if 0 <= now - at < DOUBT_SPAN_S) if seen is not None else ()
    doubts = (*earlier, now) if doubted else earlier
    new = Boot(secrets.token_hex(6), now, facts.hostname, facts.tcp_ports, facts.started_at, doubts)
    return new, False, why


def anchored(boot: Boot, now: Moment) -> Boot:
    """With its beginning by both clocks as they are now: a wall clock that was set makes no boot older or younger."""
    mono = min(now.mono, moment.of_wall(boot.booted_at, boot.mono, boot.kernel, now))
    began = now.wall - (now.mono - mono)
    at = boot.booted_at if abs(began - boot.booted_at) < TREMBLE_S else began
    return replace(boot, booted_at=at, mono=mono, kernel=now.kernel)
