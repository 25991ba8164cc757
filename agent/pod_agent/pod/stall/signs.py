"""The signs of life of a running job, each with a state at one look. Values only."""

from __future__ import annotations

from enum import StrEnum

from pod_wire.frozen import dataclass


class Name(StrEnum):
    """What a job that works shows."""

    STEP = "step"
    LOG = "log"
    FILES = "files"
    GPU = "GPU"
    CPU = "CPU"


class State(StrEnum):
    """How it is since the look before. SPINNING: a GPU that says 100 % and takes little power, as in a wait of NCCL."""

    ALIVE = "alive"
    SILENT = "silent"
    SPINNING = "spinning"
    UNKNOWN = "unknown"  # it could not be read just now
    ABSENT = "not available"  # this job or pod does not have it


@dataclass(frozen=True, slots=True)
class Reading:
    """One sign at one look, in a sentence."""

    name: Name
    state: State
    because: str = ""
