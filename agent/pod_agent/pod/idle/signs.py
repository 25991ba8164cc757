"""The signals of the idle brake, their limits, and what one reading of one of them is. Values only."""

from __future__ import annotations

from enum import StrEnum

from pod_wire.frozen import dataclass

MINUTE_S = 60.0
HUMAN_FACTOR = 2.0  # a person is waited for twice as long as a program
UNKNOWN_S = 60 * MINUTE_S  # what cannot be read counts as busy for so long, and no longer
STALE_S = 60.0  # what was not read for so long is unknown
LEAN_S = 60 * MINUTE_S  # what may go on by itself counts for so long after anything else has moved

GPU_LIMIT = 0.05  # of one GPU's time
CPU_LIMIT = 0.10  # of one core; an open editor or an idle notebook server takes one or two hundredths
GROWTH_LIMIT = 4096.0  # bytes a second that reach a disk
WRITTEN_LIMIT = (
    16 * 1024.0
)  # bytes a second handed to the kernel, where a file system does not account for them
TRAFFIC_LIMIT = 32 * 1024.0  # bytes a second over the network, both ways
TYPED_LIMIT = 200.0  # bytes a second that ssh receives; an editor that is only open sends a tenth of it


class State(StrEnum):
    """What a signal says. Unknown is not idle, and not available is not 0."""

    BUSY = "busy"
    IDLE = "idle"
    UNKNOWN = "unknown"  # it could be read, and was not
    ABSENT = "not available"  # it cannot be had on this pod


class Name(StrEnum):
    """Each signal's name, in the order in which people see them."""

    GPU = "GPU"
    JOB = "job's processes"
    PROGRAMS = "programs"
    FILES = "files"
    NETWORK = "network"
    SSH = "ssh"
    NOTEBOOKS = "notebooks"
    SERVICES = "services"


HUMAN = frozenset({Name.PROGRAMS, Name.SSH, Name.NOTEBOOKS, Name.SERVICES})
LEANING = frozenset({Name.NOTEBOOKS, Name.SERVICES})  # an open page asks by itself, and a cell may hang


@dataclass(frozen=True, slots=True)
class Reading:
    """One signal at one moment. ``value`` and ``limit`` are words for people, ``because`` a whole sentence.

    ``ago_s``: where it is known though nobody looked, how long ago it was last busy.
    """

    name: Name
    state: State
    because: str
    value: str | None = None
    limit: str | None = None
    ago_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """All that was read at one moment of the monotonic clock. A signal that has no reading yet is left out.

    ``is_whole``: none is; the first look of an agent tells no rates, and no pod is stopped upon it.
    """

    at: float
    is_resting: bool  # no job is worked on
    readings: tuple[Reading, ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Gap:
    """What stands where something could not be read: unknown or not available, and why."""

    state: State
    because: str


def gap_of(name: Name, gap: Gap) -> Reading:
    """The reading of a signal that could not be read."""
    return Reading(name, gap.state, gap.because)
