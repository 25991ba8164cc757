"""A moment by both clocks: a wall clock may be set, so spans are taken from the one that never jumps where that can be.

The monotonic clock is the kernel's: agents of one kernel share it, and its name says whether two moments compare.
Not here: what is done with a span.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_wire.clock import Clock

KERNEL = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Moment:
    """``kernel`` is the name of the kernel's own boot, "" where it has none to tell."""

    wall: float
    mono: float
    kernel: str = ""


@functools.cache
def kernel() -> str:
    """Another name after every boot of the machine below the container."""
    try:
        return KERNEL.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def take(clock: Clock) -> Moment:
    return Moment(clock.now(), clock.monotonic(), kernel())


def of_wall(wall: float, mono: float | None, kernel_then: str, now: Moment) -> float:
    """The monotonic moment of something on disk: its own where the kernel is the same, else by the wall clock."""
    if mono is not None and kernel_then and kernel_then == now.kernel:
        return mono
    return now.mono + (wall - now.wall)
