"""Does anything of the job outlive the pod's stop? Which mount the workspace lies on, by the kernel's table.

Pure but ``look``. Not here: how much room there is (``room``).
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pod_agent.pod.preflight.verdict import FINE, Finding, failure
from pod_wire.frozen import dataclass

TABLE = Path("/proc/self/mountinfo")
MEMORY = frozenset({"tmpfs", "ramfs"})
LAYERS = frozenset({"overlay", "aufs"})  # of containers; a host may lie on one too, and lend a folder of it
LEAST_WORDS = 10


@dataclass(frozen=True, slots=True)
class Mount:
    """Where it is mounted, the file system's kind, and whether it is the container's own disk."""

    point: str
    kind: str
    is_own: bool = False

    @property
    def is_fleeting(self) -> bool:
        """Whether a stop takes it away."""
        return self.point == "/" or self.kind in MEMORY or (self.is_own and self.kind in LAYERS)


def find(path: str, table: str) -> Mount | None:
    """The mount that a path lies on: the longest point, the later line of two. ``path`` holds no link."""
    found: Mount | None = None
    device = own = ""
    for line in table.splitlines():
        words = line.split(" ")
        if len(words) < LEAST_WORDS or "-" not in words[6:]:
            continue
        point = words[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        own = words[2] if point == "/" else own
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and (found is None or len(point) >= len(found.point)):
            found, device = Mount(point, words[words.index("-", 6) + 1]), words[2]
    return replace(found, is_own=device == own) if found is not None else None


def look(path: Path) -> Mount | None:
    """May hang with the path."""
    return find(os.path.realpath(path), TABLE.read_text("utf-8", "replace"))


def judge(mount: Mount | None, workspace: Path, *, is_ephemeral: bool) -> Finding:
    """A stop wipes the container's disk; without a mount the job's work goes with it."""
    if is_ephemeral or mount is None or not mount.is_fleeting:
        return FINE
    return failure(
        f"nothing of this job would outlive the pod: {workspace} is no mounted volume",
        f"give the pod a volume at {workspace}, or allow the loss with POD_EPHEMERAL=1",
    )
