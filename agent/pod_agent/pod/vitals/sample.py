"""One look at the machine, frozen. None means that a figure is not available, and never that it is 0.

Values only, in base units: bytes, seconds, watts, hertz, ratios. Not here: where they come from.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from pod_wire.frozen import dataclass

OLD_S = 10.0  # a sample that is older tells of nothing


class Gpus(StrEnum):
    """Whether anything is known of the pod's GPUs."""

    SEEN = "seen"
    ABSENT = "absent"  # this pod has none, for certain
    UNKNOWN = "unknown"  # it may have some, and nobody can say how they are


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU, or a slice of one (MIG), for which the driver tells much less."""

    index: int
    part: int | None = None  # the slice's number; None for a whole GPU
    name: str = ""
    uuid: str | None = None
    utilization: float | None = (
        None  # share of the driver's last period, up to a second, in which anything ran
    )
    memory_utilization: float | None = None  # share in which memory was read or written
    memory_used_bytes: int | None = None
    memory_bytes: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    energy_joules: float | None = None  # since the driver was loaded
    sm_clock_hertz: float | None = None
    sm_clock_most_hertz: float | None = None
    memory_clock_hertz: float | None = None
    temperature_celsius: float | None = None
    slowdowns: tuple[str, ...] | None = None  # why its clocks are lower than they could be
    ecc_corrected: int | None = None  # since the driver was loaded
    ecc_uncorrected: int | None = None
    is_row_remap_pending: bool | None = None
    is_row_remap_failed: bool | None = None
    processes: int | None = (
        None  # with a context on it; whose they are, the host's numbers do not say in here
    )
    xids: tuple[tuple[int, int], ...] | None = None  # (code, how often) since the agent listens
    xids_at: tuple[
        tuple[int, float], ...
    ] = ()  # (code, when the driver told of it last), on the clock that never jumps
    fault: str | None = None  # why nothing more is known of it: "lost", "no_slice", "other"
    words: str = ""

    @property
    def label(self) -> str:
        """As people and graphs tell it from others: 0, or 0:1 for a slice."""
        return str(self.index) if self.part is None else f"{self.index}:{self.part}"


@dataclass(frozen=True, slots=True)
class GpuReport:
    """What the driver said of all of them. ``words`` say why, where they are not seen.

    ``asked_at`` is of the clock that never jumps, and 0 where the driver was not asked. It may be older than the
    sample's: what a driver that is slow said last stands for some seconds.
    """

    state: Gpus
    found: tuple[Gpu, ...] = ()
    driver: str | None = None
    words: str = ""
    asked_at: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Container:
    """The container's own share of the machine, by its cgroup."""

    cpu_seconds: float | None = None  # used so far, by everything in it
    cpu_throttled_seconds: float | None = None  # in which its limit held it back
    cpu_cores: float | None = None  # it may use
    memory_used_bytes: int | None = None
    memory_working_bytes: int | None = None  # less what the kernel would give back: what an OOM kill looks at
    memory_limit_bytes: int | None = None
    oom_kills: int | None = None  # processes that the kernel killed for memory, in the container's life


@dataclass(frozen=True, slots=True)
class Disk:
    """One place that fills up by itself. ``is_silent``: it has not answered for seconds, as a hung mount."""

    name: str
    size_bytes: int | None = None
    free_bytes: int | None = None  # for us, less what is reserved for root
    files_free: int | None = None
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A network card of the container, since it came up."""

    name: str
    received_bytes: int
    sent_bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """All of it. ``at`` is wall time, ``monotonic`` for spans."""

    at: float
    monotonic: float
    gpus: GpuReport
    container: Container
    disks: tuple[Disk, ...] = ()
    links: tuple[Link, ...] | None = None
