"""Whether two places lie on different mounts, as the kernel tells it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def on_other_mounts(one: Path, other: Path) -> bool:
    """Whether the second outlives the first one's disk; without a volume the workspace lies on the container's too."""
    here = _mount(one)
    return here is None or here != _mount(other)


def _mount(path: Path) -> str | None:
    """The number of the mount that a path lies on, whether it exists yet or not; None where nobody says."""
    real = os.path.realpath(path)
    found: tuple[int, str] | None = None
    with suppress(OSError), Path("/proc/self/mountinfo").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            number, _, _, _, point, *_ = line.split(" ")
            plain = point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
            inside = real == plain or real.startswith(plain.rstrip("/") + "/")
            if inside and (found is None or len(plain) >= found[0]):
                found = len(plain), number
    return found[1] if found else None
