"""Does anything of the job outlive the pod's stop? Which mount the workspace lies on, by the kernel's table.

Pure but ``look``. Not here: how much room there is (``room``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pod_agent.pod.preflight.verdict import FINE, Finding, failure

TABLE = Path("/proc/self/mountinfo")
FLEETING = frozenset({"overlay", "tmpfs", "ramfs", "aufs"})
LEAST_WORDS = 10


@dataclass(frozen=True, slots=True)
class Mount:
    """Where it is mounted, and the file system's kind."""

    point: str
    kind: str


def find(path: str, table: str) -> Mount | None:
    """The mount that a path lies on: the longest point, the later line of two. ``path`` holds no link."""
    found: Mount | None = None
    for line in table.splitlines():
        words = line.split(" ")
        if len(words) < LEAST_WORDS or "-" not in words[6:]:
            continue
        point = words[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and (found is None or len(point) >= len(found.point)):
            found = Mount(point, words[words.index("-", 6) + 1])
    return found


def look(path: Path) -> Mount | None:
    """May hang with the path."""
    return find(os.path.realpath(path), TABLE.read_text("utf-8", "replace"))


def judge(mount: Mount | None, workspace: Path, *, is_ephemeral: bool) -> Finding:
    """A stop wipes the container's disk; without a mount the job's work goes with it."""
    if is_ephemeral or mount is None or (mount.point != "/" and mount.kind not in FLEETING):
        return FINE
    return failure(
        f"nothing of this job would outlive the pod: {workspace} is no mounted volume",
        f"give the pod a volume at {workspace}, or allow the loss with POD_EPHEMERAL=1",
    )
