"""What processes used between two looks, summed by whose they are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.idle import whose
from pod_agent.pod.idle.raw import Process
from pod_agent.pod.idle.signs import Gap
from pod_agent.pod.idle.whose import Whose
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pod_agent.pod.idle.raw import Raw


@dataclass(frozen=True, slots=True)
class Used:
    """Of one owner's processes, per second. ``is_counted``: the kernel says what at least one of them writes."""

    count: int = 0
    cores: float = 0.0
    stored: float = 0.0
    written: float = 0.0
    busiest: str = "a program"
    writer: str = "A program"
    is_counted: bool = False


def used(before: Raw, now: Raw) -> dict[Whose, Used]:
    """By owner. A process that was not there before has used all of it since."""
    if isinstance(before.processes, Gap) or isinstance(now.processes, Gap):
        return {owner: Used() for owner in Whose}
    earlier = {(one.pid, one.started): one for one in before.processes}
    owners = whose.sort(now.processes, now.roles)
    ended = _ended(before.processes, now.processes)
    span = now.at - before.at
    groups: dict[Whose, list[Spent]] = {owner: [] for owner in Whose}
    for one in now.processes:
        groups[owners[one.pid]].append(
            _spent(earlier.get((one.pid, one.started)), one, ended.get(one.pid, 0))
        )
    return {owner: _sum(spent, span, now.ticks_per_s) for owner, spent in groups.items()}


@dataclass(frozen=True, slots=True)
class Spent:
    """By one process between the looks."""

    name: str
    ticks: int
    stored: int | None
    written: int | None
    is_waiting: bool  # a login or a terminal, which hands on what others write


def per_second(before: int, now: int, span: float) -> float:
    """A counter that went back was begun anew."""
    return (now - before if now >= before else now) / span


def _ended(before: Iterable[Process], now: Iterable[Process]) -> dict[int, int]:
    """Ticks of children that ended meanwhile, by parent: they were counted when they were spent."""
    alive = {(one.pid, one.started) for one in now}
    found: dict[int, int] = {}
    for one in before:
        if (one.pid, one.started) not in alive:
            found[one.parent] = found.get(one.parent, 0) + one.ticks + one.reaped
    return found


def _spent(before: Process | None, now: Process, ended: int) -> Spent:
    """The rest of what its children used is counted when it takes their end."""
    old = before if before is not None else Process(now.pid, now.parent, now.name, now.started, 0)
    reaped = max(0, now.reaped - old.reaped - ended)
    return Spent(
        now.name,
        max(0, now.ticks - old.ticks) + reaped,
        None if now.stored is None else max(0, now.stored - (old.stored or 0)),
        None if now.written is None else max(0, now.written - (old.written or 0)),
        not whose.works(now),
    )


def _sum(spent: list[Spent], span: float, ticks_per_s: int) -> Used:
    if not spent:
        return Used()
    workers = [one for one in spent if not one.is_waiting]
    busiest = max(spent, key=lambda one: one.ticks)
    writer = max(workers or spent, key=lambda one: (one.stored or 0, one.written or 0))
    return Used(
        count=len(workers),
        cores=sum(one.ticks for one in spent) / ticks_per_s / span,
        stored=sum(one.stored or 0 for one in workers) / span,
        written=sum(one.written or 0 for one in workers) / span,
        busiest=busiest.name,
        writer=writer.name,
        is_counted=any(one.stored is not None for one in spent),
    )


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:  # noqa: PLR2004 - what is rounded to 1000 takes the next unit
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def cores(count: float) -> str:
    """Processor time for people."""
    return f"{count:.1f} cores" if count >= 1.95 else f"{count:.0%} of a core"  # noqa: PLR2004 - two, rounded
