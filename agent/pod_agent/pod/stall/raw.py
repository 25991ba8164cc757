"""What was read of a running job at one moment: counters and marks, no judgement. Values only; kept between agents.

None stands for what could not be read. Not here: reading it (``sources``), and what it means (``measure``).
"""

from __future__ import annotations

from pod_agent.pod.stall.signs import State
from pod_wire.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """One process of the job. ``ticks`` are its own of the processor; ``moved`` the bytes that it read and wrote."""

    pid: int
    started: int
    name: str = ""
    state: str = "S"  # the kernel's letter
    ticks: int = 0
    moved: int | None = None


@dataclass(frozen=True, slots=True)
class GpuLook:
    """All GPUs since the look before."""

    state: State = State.UNKNOWN
    words: str = "Nobody has looked at the GPUs yet."


@dataclass(frozen=True, slots=True)
class Raw:
    """One look. ``places`` and ``tree`` are sums of where files stand: equal ones mean that nothing was written."""

    at: float  # monotonic
    step: str | None = None  # what the progress tells; None: nothing
    log: int | None = None  # its size
    is_log_hung: bool = False  # its disk does not answer
    tasks: tuple[Task, ...] | None = None
    ticks: int = 0  # of all of them, and of those that have ended
    places: int | None = None  # of open files
    tree: int | None = None  # of the files below the command's folder
    gpu: GpuLook = GpuLook()
    waiting: int = 0  # bytes that the log has not taken yet
    is_keeper_stuck: bool = False  # it hangs in the kernel, and will not end the job by itself
    ticks_per_s: int = 100
