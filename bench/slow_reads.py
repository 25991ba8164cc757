"""This process's reads of a disk as slow as a network volume's, by the kernel's own brake: a cgroup of either version.

What it starts is braked with it. Not here: a volume's latency, and a file system over a network: reads only wait.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_V1 = Path("/sys/fs/cgroup/blkio")
_GROUP = "podkeep-bench"


class CannotBrakeError(Exception):
    """Why this machine does not let us."""


@dataclass(frozen=True)
class _Way:
    """Where groups are made, where this process is now, the file that holds a limit, and how it is said there."""

    top: Path
    home: Path
    file: str
    limit: str


@contextlib.contextmanager
def reads_at(bytes_per_s: int, folder: Path) -> Iterator[None]:
    """Read no faster than this from the disk that holds the folder, for as long as this lasts."""
    way = _way(bytes_per_s, _disk(folder))
    group = way.top / f"{_GROUP}-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        raise CannotBrakeError(f"no cgroup can be made below {way.top}: {error.strerror}") from error
    try:
        try:
            (group / way.file).write_text(way.limit)
            (group / "cgroup.procs").write_text(str(os.getpid()))
        except OSError as error:
            raise CannotBrakeError(f"the cgroup takes no {way.file}: {error.strerror}") from error
        yield
    finally:
        (way.home / "cgroup.procs").write_text(str(os.getpid()))
        _remove(group)


def _disk(folder: Path) -> str:
    """MAJ:MIN of the whole disk: a partition takes no limit."""
    number = folder.stat().st_dev
    entry = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not entry.exists():
        raise CannotBrakeError(f"{folder} lies on no block device")
    entry = entry.resolve()
    return ((entry.parent if (entry / "partition").exists() else entry) / "dev").read_text().strip()


def _way(bytes_per_s: int, disk: str) -> _Way:
    mine = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    for number, controllers, path in mine:
        if "blkio" in controllers.split(",") and _V1.is_dir():
            file = "blkio.throttle.read_bps_device"
            return _Way(_V1, _there(_V1, path), file, f"{disk} {bytes_per_s}")
        if number == "0":
            for top in _mounted("cgroup2"):
                if "io" in (top / "cgroup.subtree_control").read_text().split():
                    return _Way(top, _there(top, path), "io.max", f"{disk} rbps={bytes_per_s}")
    raise CannotBrakeError("neither a blkio controller nor cgroup 2 with io is to be had")


def _there(top: Path, path: str) -> Path:
    """The group of this process; in a container its name may be one of outside."""
    place = top / path.lstrip("/")
    return place if (place / "cgroup.procs").exists() else top


def _mounted(kind: str) -> list[Path]:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return [Path(words[1]) for words in mounts if words[2] == kind]


def _remove(group: Path) -> None:
    """When the last that was started in it is gone."""
    for _ in range(50):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.1)
