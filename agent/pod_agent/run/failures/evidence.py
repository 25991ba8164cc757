"""What is known of an attempt that did not end well. Values only; ``examiner`` gathers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.run.attempt_plan import Ended

SHM = "/dev/shm"  # noqa: S108 - looked at, not written to
TMP = "/tmp"  # noqa: S108 - the same
TAIL_BYTES = 192 << 10  # of the log; what matters is said last


@dataclass(frozen=True, slots=True)
class Disk:
    """One of the file systems that the job writes to. None: it did not say."""

    name: str  # as a person knows it: the workspace, /dev/shm
    free_bytes: int | None
    free_files: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """``reason`` is the keeper's word. None: not known, which never counts as no, or as nothing."""

    exit_code: int | None
    signal: str | None = None
    reason: str = "exited"
    detail: str = ""
    taken: bool = False
    tail: bytes = b""  # the end of what the attempt said, masked
    saved: bool | None = None  # whether it left a newer whole checkpoint
    stepped: bool | None = None  # whether it told of a first step
    lived_s: float | None = None
    disks: tuple[Disk, ...] = ()
    gpus: tuple[str, ...] = ()  # what the driver told against them while it ran

    @property
    def was_oom_killed(self) -> bool:
        """The kernel's count of OOM kills in our cgroup rose while it ran."""
        return self.reason == "oom"


def bare(ended: Ended) -> Evidence:
    """What the exit record alone tells."""
    return Evidence(ended.exit_code, ended.signal, ended.reason, ended.detail, ended.taken)
