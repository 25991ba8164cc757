"""Whether anything below the command's folder was written to: one number for all of it. May hang; callers wait apart.

The walk is bounded. Not here: caches, environments, git's own files, and what trackers write by themselves.
"""

from __future__ import annotations

import os
import zlib

from pod_agent.pod.stall.processes import TRACKERS

MOST_ENTRIES, DEEPEST = 8000, 8
NOT_INTO = TRACKERS | {
    ".git",
    ".podkeep",
    "__pycache__",
    "node_modules",
    ".venv",
    "venv",
    "site-packages",
    ".cache",
}


def mark(folder: str) -> int | None:
    """Equal for equal names, sizes and times; None where there is nothing to look at."""
    total, entries, waiting = 0, 0, [(folder, 0)]
    while waiting and entries < MOST_ENTRIES:
        top, depth = waiting.pop(0)
        try:
            listing = os.scandir(top)
        except OSError:
            if top == folder:
                return None
            continue
        with listing:
            for entry in listing:
                entries += 1
                if entries >= MOST_ENTRIES:
                    break
                if entry.name in NOT_INTO:
                    continue
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if depth < DEEPEST:
                            waiting.append((entry.path, depth + 1))
                        continue
                    info = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                text = f"{entry.path} {info.st_size} {info.st_mtime_ns}"
                total ^= zlib.crc32(text.encode("utf-8", "surrogateescape"))
    return total
