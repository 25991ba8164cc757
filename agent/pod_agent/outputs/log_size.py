"""Whether a log has grown so large that somebody should know: a decision over values, and the look at the disk.

The log is never cut or deleted by us. Not here: who is told (``run.outlet``).
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHARE = 0.1  # of what is free on the log's file system
GB = 1e9


def warning(job: str, size: int, free: int) -> str | None:
    """What is said once a log is a tenth of the free space; None before."""
    if size <= 0 or size < SHARE * free:
        return None
    return (
        f"the log of job {job!r} has {size / GB:.2f} GB, and {free / GB:.2f} GB are free where it lies: "
        "let the job write less, or give it more room; podkeep deletes no log"
    )


def free_bytes(folder: Path) -> int:
    """What is free on a folder's file system."""
    return shutil.disk_usage(folder).free
