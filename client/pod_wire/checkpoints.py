"""What a pod says of its job's checkpoints: the answer of GET /checkpoints. Values only."""

from __future__ import annotations

from enum import StrEnum

from pod_wire.frozen import dataclass


class Kind(StrEnum):
    """Where a checkpoint stands to the run."""

    OWN = "own"  # saved by this run, where it saved it
    KEPT = "kept"  # podkeep's copy of one that is rewritten in place
    OLDER = "older"  # was there before this run began
    ASIDE = "aside"  # moved out of the training's sight


@dataclass(frozen=True, slots=True)
class CheckpointSeen:
    """One checkpoint. ``belongs`` is where the original of a kept copy lies; ``why`` says why it is not whole."""

    path: str
    kind: Kind
    format: str
    whole: bool
    size_bytes: int
    written_at: float
    step: int | None = None
    why: str | None = None
    belongs: str | None = None
    chosen: bool = False  # the next attempt gets this one, as things stand
    instead: bool = False  # or this one: the program looks by itself, and may know this name only


@dataclass(frozen=True, slots=True)
class CheckpointList:
    """All of a job's, newest last within each kind. ``resumes``: whether the job has a way to be given one."""

    now: float
    job: str | None = None
    run: str | None = None
    folder: str | None = None
    resumes: bool = False
    checkpoints: tuple[CheckpointSeen, ...] = ()
    left_out: int = 0  # older ones beyond what an answer holds
    format: int = 1
