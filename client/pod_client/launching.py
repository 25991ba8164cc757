"""One launch of a job at a time on this machine: two that began at once would each find no pod, and make two.

The lock is the kernel's and ends with its process. Not here: what another machine does.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pod_wire.errors import Conflict, PodError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "launching"


@contextmanager
def launching(config_dir: Path, job: str, *, is_local: bool) -> Iterator[None]:
    """Held until the pod has the job. Raises Conflict, naming the process that holds it."""
    path = config_dir / FOLDER / f"{job}{'.local' if is_local else ''}.lock"
    try:
        for folder in (config_dir, path.parent):  # the mode is given to the last one only
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise PodError(f"cannot write {path}: {error.strerror}") from None
    try:
        if not _taken(fd):
            holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
            raise Conflict(
                f"cannot start job '{job}': another pod-client up of it is under way here (process {holder or '?'})",
                f"when that one is up, follow it: pod-client logs -f {job}",
            )
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(fd)


def _taken(fd: int) -> bool:
    if sys.platform == "win32":
        return True  # there it is a habit, not a lock
    import fcntl  # noqa: PLC0415 - exists elsewhere only

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a home on a mount that knows no locks: as it was without them
        return True
    return True
