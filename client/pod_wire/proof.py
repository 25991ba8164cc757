"""The proof rule: what of a job's work would be destroyed by ending its pod, and whether that may be. Pure.

Nothing that exists only here is destroyed, unless POD_EPHEMERAL=1 or a person says so. Agent and client ask the same
table. Not here: finding out what there is, and ending anything.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_wire.status import CheckpointPlace


class Way(StrEnum):
    """How a pod ends."""

    STOP = "stop"  # the container's disk is wiped
    TERMINATE = "terminate"  # and the pod's own disk is gone


class Keeps(StrEnum):
    """Where the workspace lies."""

    NOTHING = "nothing"  # on the container's disk: no mount
    DISK = "disk"  # on the pod's own disk
    NETWORK = "network"  # on a network volume
    UNKNOWN = "unknown"  # it does not answer


@dataclass(frozen=True, slots=True)
class Estate:
    """``alone``: what no store is proved to hold, in words. ``may_be_lost``: POD_EPHEMERAL=1, of this job alone.

    ``others``: what else would go with the pod's own disk, which is not this job's to give up.
    """

    keeps: Keeps
    alone: tuple[str, ...] = ()
    may_be_lost: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """``lost``: what goes with the pod, in words, allowed or not."""

    allowed: bool
    because: str
    lost: tuple[str, ...] = ()


OUTLIVES: Final[dict[tuple[Way, Keeps], str | None]] = {
    (Way.STOP, Keeps.NOTHING): None,
    (Way.STOP, Keeps.DISK): "its disk outlives a stop",
    (Way.STOP, Keeps.NETWORK): "its network volume outlives a stop",
    (Way.STOP, Keeps.UNKNOWN): "where its work lies is not known; a mount is taken for granted",
    (Way.TERMINATE, Keeps.NOTHING): None,
    (Way.TERMINATE, Keeps.DISK): None,
    (Way.TERMINATE, Keeps.NETWORK): "its network volume outlives the pod",
    (Way.TERMINATE, Keeps.UNKNOWN): None,
}
UNSEEN: Final = "what else may lie on its disk, which could not be looked at"


def judge(way: Way, estate: Estate) -> Proof:
    """Whether the pod may end this way, and what goes with it."""
    outlives = OUTLIVES[way, estate.keeps]
    if outlives is not None:
        return Proof(allowed=True, because=outlives)
    if estate.others:
        lost = (*(() if estate.may_be_lost else estate.alone), *estate.others)
        return Proof(allowed=False, because=f"only this pod is known to have {listed(lost)}", lost=lost)
    if not estate.alone:
        return Proof(allowed=True, because="nothing exists only here")
    words = listed(estate.alone)
    if estate.may_be_lost:
        return Proof(allowed=True, because=f"POD_EPHEMERAL=1 allows the loss of {words}", lost=estate.alone)
    return Proof(allowed=False, because=f"only this pod is known to have {words}", lost=estate.alone)


def made(attempts: int, checkpoint: CheckpointPlace | None) -> tuple[str, ...]:
    """What a job has made, in words. One that never began made nothing worth keeping. Nothing is uploaded yet."""
    if not attempts:
        return ()
    step = "" if checkpoint is None or checkpoint.step is None else f" (step {checkpoint.step})"
    saved = () if checkpoint is None else (f"its checkpoints{step}",)
    return (*saved, "its outputs", "its log")


def listed(things: tuple[str, ...]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, (", ".join(things[:-1]), things[-1])))
