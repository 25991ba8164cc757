"""What was read of the pod at one moment, as it was read: counters and moments, no judgement. Values only.

A ``Gap`` stands where something could not be read. Not here: reading it, and what it means (``measure``).
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - values of a dataclass

from pod_agent.pod.idle.signs import Gap, State
from pod_wire.frozen import dataclass

UNREAD = Gap(State.UNKNOWN, "It was not looked at yet.")


@dataclass(frozen=True, slots=True)
class Process:
    """One line of the process table. Ticks are of the processor; ``reaped`` are those of children that have ended.

    ``stored`` and ``written`` are bytes: that reached a disk, and that were handed to the kernel; None: not to be read.
    """

    pid: int
    parent: int
    name: str
    started: int
    ticks: int
    reaped: int = 0
    stored: int | None = None
    written: int | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU. ``busy`` is a ratio; None stands for what the card does not tell."""

    busy: float | None = None
    held_bytes: int | None = None
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class GpuReading:
    """All GPUs of the pod. Without any, ``absent`` says why nothing is told of them."""

    cards: tuple[Card, ...] = ()
    absent: str = "This pod has no GPU."


@dataclass(frozen=True, slots=True)
class Connection:
    """An established connection from outside, by the port here that it came to."""

    port: int
    received: int  # bytes so far


@dataclass(frozen=True, slots=True)
class Kernels:
    """Jupyter's kernels: how many there are, and how many execute a cell."""

    known: int = 0
    executing: int = 0


@dataclass(frozen=True, slots=True)
class Roles:
    """Who of the processes is who: ourselves, the services that we run, the trainings; and ports that are ours."""

    agent: int = 0
    services: frozenset[int] = frozenset()
    trainings: frozenset[int] = frozenset()
    own_ports: frozenset[int] = frozenset()
    ssh_ports: frozenset[int] = frozenset({22})


@dataclass(frozen=True, slots=True)
class Raw:
    """One look. ``terminals``: when each was last typed into, by the wall clock; ``traffic``: bytes so far."""

    at: float  # monotonic
    is_resting: bool
    roles: Roles = Roles()
    processes: tuple[Process, ...] | Gap = UNREAD
    gpus: GpuReading | Gap = UNREAD
    terminals: Mapping[str, float] | Gap = UNREAD
    traffic: int | Gap = UNREAD
    connections: Mapping[str, Connection] | Gap = UNREAD
    kernels: Kernels | Gap = UNREAD
    ticks_per_s: int = 100
    wall: float = 0.0  # the wall clock at that moment
