"""Places with little room for a program: a small disk in a mount namespace of its own, a small memory cgroup."""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path


def on_small_disk(folder: Path, size: str, argv: list[str]) -> list[str]:
    """The same program, for which ``folder`` is a disk of its own."""
    script = f'mount -t tmpfs -o size={size},mode=700 none {shlex.quote(str(folder))} && exec "$0" "$@"'
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    return [*unshare, "bash", "-c", script, *argv]


def in_group(group: Path, argv: list[str]) -> list[str]:
    """The same program, in this cgroup from its first moment."""
    script = f'echo $$ >{shlex.quote(str(group / "cgroup.procs"))} && exec "$0" "$@"'
    return ["bash", "-c", script, *argv]


def _memory_groups() -> Iterator[tuple[Path, str]]:
    """Folders of the memory cgroups that we are in, inmost first, and the file of a limit there: version 1, then 2.

    Ours may hold processes and so have no limited children (version 2); one above it may.
    """
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield Path(f"/sys/fs/cgroup/memory{path}"), "memory.limit_in_bytes"
        elif not controllers:
            for above in (path, *map(str, Path(path).parents)):
                yield Path(f"/sys/fs/cgroup{above}"), "memory.max"


def _made(home: Path, limit: str, limit_bytes: int) -> Path | None:
    group = home / f"podkeep-story-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        return None
    try:
        (group / limit).write_text(str(limit_bytes))
    except OSError:
        group.rmdir()
        return None
    return group


@contextlib.contextmanager
def small_memory(limit_bytes: int) -> Iterator[Path | None]:
    """A memory cgroup with this limit; None where we may not make one. It must be empty again at the end."""
    group = next(filter(None, (_made(*place, limit_bytes) for place in _memory_groups())), None)
    try:
        yield group
    finally:
        if group is not None:
            until = time.monotonic() + 10
            while (group / "cgroup.procs").read_text() and time.monotonic() < until:
                time.sleep(0.02)
            group.rmdir()
