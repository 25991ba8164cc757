"""What the machine says: its GPUs, the processes of the job and of people, what they write, the network. Pure.

Every sentence that people read of these signals is written here. Not here: people themselves (``of_people``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.idle import whose
from pod_agent.pod.idle.rates import Used, cores, per_second, size, used
from pod_agent.pod.idle.raw import GpuReading
from pod_agent.pod.idle.signs import (
    CPU_LIMIT,
    GPU_LIMIT,
    GROWTH_LIMIT,
    TRAFFIC_LIMIT,
    WRITTEN_LIMIT,
    Gap,
    Name,
    Reading,
    State,
    gap_of,
)
from pod_agent.pod.idle.whose import Whose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_agent.pod.idle.raw import Raw

OPEN_PROGRAMS = "Programs of people are open and compute next to nothing."
UNTOLD_WRITES = "The kernel does not say here what programs write."


def gpus(now: Raw) -> Reading:
    if not isinstance(now.gpus, GpuReading):
        return gap_of(Name.GPU, now.gpus)
    cards = now.gpus.cards
    if not cards:
        return Reading(Name.GPU, State.ABSENT, now.gpus.absent)
    known = [card.busy for card in cards if card.busy is not None]
    if not known:
        return Reading(Name.GPU, State.ABSENT, "Its GPUs do not tell how busy they are.")
    most = max(known)
    value, limit = f"{most:.0%}", f"{GPU_LIMIT:.0%}"
    if most < GPU_LIMIT:
        return Reading(Name.GPU, State.IDLE, f"It computes nothing{_held(now.gpus)}.", value, limit)
    if all(card.processes == 0 for card in cards) and not _works(now):
        text = "It says that it computes, but no process of this pod is there to use it."
        return Reading(Name.GPU, State.IDLE, text, value, limit)
    return Reading(Name.GPU, State.BUSY, "It computes.", value, limit)


def _held(gpus: GpuReading) -> str:
    """Memory that is held is no work, whoever holds it."""
    held = sum(card.held_bytes or 0 for card in gpus.cards)
    if held < 1 << 30:
        return ""
    nobody = all(card.processes == 0 for card in gpus.cards)
    return f"; {size(held)} of its memory are held{' by no process' if nobody else ''}, which is no work"


def _works(now: Raw) -> bool:
    """Whether any process but ours is there that might use a GPU. Unknown is yes."""
    if isinstance(now.processes, Gap):
        return True
    owners = whose.sort(now.processes, now.roles)
    return any(
        owners[process.pid] in {Whose.JOB, Whose.PEOPLE} and whose.works(process) for process in now.processes
    )


def processes(before: Raw, now: Raw) -> list[Reading]:
    if isinstance(now.processes, Gap) or isinstance(before.processes, Gap):
        gap = now.processes if isinstance(now.processes, Gap) else before.processes
        unread = gap if isinstance(gap, Gap) else Gap(State.UNKNOWN, "")
        return [gap_of(name, unread) for name in (Name.JOB, Name.PROGRAMS, Name.FILES)]
    sums = used(before, now)
    return [_job(sums[Whose.JOB]), _programs(sums[Whose.PEOPLE]), _files(sums)]


def _job(job: Used) -> Reading:
    value, limit = cores(job.cores), cores(CPU_LIMIT)
    if job.cores >= CPU_LIMIT:
        return Reading(Name.JOB, State.BUSY, f"The job's {job.busiest} computes.", value, limit)
    if job.count:
        return Reading(Name.JOB, State.IDLE, "The job's processes compute next to nothing.", value, limit)
    return Reading(Name.JOB, State.IDLE, "There are none.", "none", limit)


def _programs(people: Used) -> Reading:
    value, limit = cores(people.cores), cores(CPU_LIMIT)
    if people.cores >= CPU_LIMIT:
        return Reading(Name.PROGRAMS, State.BUSY, f"{people.busiest} computes.", value, limit)
    if people.count:
        return Reading(Name.PROGRAMS, State.IDLE, OPEN_PROGRAMS, value, limit)
    return Reading(Name.PROGRAMS, State.IDLE, "Nobody has started a program by hand.", "none", limit)


def _files(sums: Mapping[Whose, Used]) -> Reading:
    both = [sums[Whose.JOB], sums[Whose.PEOPLE]]
    limit = f"{size(GROWTH_LIMIT)}/s"
    if any(one.count for one in both) and not any(one.is_counted for one in both):
        return Reading(Name.FILES, State.ABSENT, UNTOLD_WRITES, None, limit)
    stored, written = sum(one.stored for one in both), sum(one.written for one in both)
    busiest = max(both, key=lambda one: one.written).writer
    if stored >= GROWTH_LIMIT or written >= WRITTEN_LIMIT:
        value = f"{size(max(stored, written))}/s"
        return Reading(Name.FILES, State.BUSY, f"{busiest} writes files.", value, limit)
    return Reading(Name.FILES, State.IDLE, "No program writes files.", f"{size(stored)}/s", limit)


def network(before: Raw, now: Raw) -> Reading:
    if isinstance(now.traffic, Gap):
        return gap_of(Name.NETWORK, now.traffic)
    if isinstance(before.traffic, Gap):
        return gap_of(Name.NETWORK, before.traffic)
    rate = per_second(before.traffic, now.traffic, now.at - before.at)
    value, limit = f"{size(rate)}/s", f"{size(TRAFFIC_LIMIT)}/s"
    if rate >= TRAFFIC_LIMIT:
        return Reading(Name.NETWORK, State.BUSY, "Something is sent or fetched.", value, limit)
    return Reading(Name.NETWORK, State.IDLE, "Nothing to speak of is sent or fetched.", value, limit)
