"""Is there room: on the workspace for the next checkpoints, on the container's disk, in /dev/shm? Pure but ``look``.

A network volume's free space is that of RunPod's whole cluster, so it can prove too little room, never enough.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pod_agent.pod.preflight.verdict import FINE, Finding, failure, note, size, warning
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path

LEAST_CONTAINER = 1 << 30
LEAST_SHARED = 1 << 30
LEAST_INODES = 1000


@dataclass(frozen=True, slots=True)
class Room:
    """A file system, as it is now. ``inodes`` are free ones; None where it does not count them."""

    free_bytes: int
    total_bytes: int
    inodes: int | None = None
    read_only: bool = False


def look(path: Path) -> Room:
    """May hang with the place, and raises OSError."""
    told = os.statvfs(path)
    return Room(
        told.f_bavail * told.f_frsize,
        told.f_blocks * told.f_frsize,
        told.f_favail if told.f_files else None,
        bool(told.f_flag & os.ST_RDONLY),
    )


def judge_workspace(
    room: Room | None, checkpoint_bytes: int, *, is_network: bool, trouble: str = ""
) -> Finding:
    """Against the largest checkpoint known of this run: a save needs its size, and again before an old one goes."""
    if room is None:
        told = f"the workspace cannot be looked at: {trouble}" if trouble else "the workspace does not answer"
        return warning(f"{told}; how much room it has is not known")
    if room.read_only:
        return failure("the workspace is read-only", "give the pod a volume that it may write to")
    if room.inodes is not None and room.inodes < LEAST_INODES:
        return warning(
            f"the workspace has room for {room.inodes} more files only", "remove small files from it"
        )
    if checkpoint_bytes == 0:
        return FINE
    if room.free_bytes >= 2 * checkpoint_bytes:
        need = size(2 * checkpoint_bytes)
        unknown = f"how full the network volume is cannot be seen from a pod; the next checkpoints take up to {need}"
        return note(unknown) if is_network else FINE
    whose = "RunPod's cluster has" if is_network else "the workspace has"
    reason = (
        f"{whose} {size(room.free_bytes)} left, and a checkpoint of this run takes {size(checkpoint_bytes)}"
    )
    remedy = "remove older ones (pod-client checkpoints lists them), or give the pod a larger volume"
    return failure(reason, remedy) if room.free_bytes < checkpoint_bytes else warning(reason, remedy)


def judge_container(room: Room | None) -> Finding:
    """Environments and caches lie there."""
    if room is None:
        return FINE
    if room.free_bytes < LEAST_CONTAINER:
        return warning(
            f"the container's disk has {size(room.free_bytes)} left",
            "packages and caches lie there: give the pod a larger container disk",
        )
    if room.inodes is not None and room.inodes < LEAST_INODES:
        return warning(
            f"the container's disk has room for {room.inodes} more files only", "give it a larger one"
        )
    return FINE


def judge_shared(room: Room | None) -> Finding:
    """PyTorch's DataLoader workers hand tensors over in /dev/shm, and die of a bus error when it is full."""
    if room is None or room.total_bytes >= LEAST_SHARED:
        return FINE
    return warning(
        f"/dev/shm holds only {size(room.total_bytes)}: DataLoader workers may die of a bus error",  # noqa: S108 - words
        "then use num_workers=0, or torch.multiprocessing.set_sharing_strategy('file_system')",
    )
