"""Whether anybody has read a checkpoint since it was marked: by its files' times of access.

The times are set back where the disk moves them by itself when a file is read, which is tried first. On a disk that
does not (noatime, many network mounts) nobody can tell. Content and times of writing are left alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path

_LONG_AGO_NS = 1_000_000_000  # 1970: anything that is read is read later
_MOST = 200  # files of a checkpoint that are marked


@dataclass(frozen=True, slots=True)
class Mark:
    """The files as they were when nobody had read them: path and inode."""

    files: tuple[tuple[Path, int], ...]

    def was_read(self) -> bool | None:
        """None where that cannot be told any more: another file has taken one's place."""
        for path, inode in self.files:
            try:
                found = path.stat()
            except OSError:
                return None
            if found.st_ino != inode:
                return None
            if found.st_atime_ns > _LONG_AGO_NS:
                return True
        return False


def mark(path: Path, *others: Path) -> Mark | None:
    """Begin to watch one, or any of several. None where the disk does not tell."""
    if not _tells(path.parent):
        return None
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    marked = []
    for one in (*files[:_MOST], *others):
        try:
            found = one.stat()
            _set_back(one, found)
        except OSError:
            return None
        marked.append((one, found.st_ino))
    return Mark(tuple(marked)) if marked else None


def _set_back(path: Path, found: os.stat_result) -> None:
    os.utime(path, ns=(_LONG_AGO_NS, found.st_mtime_ns))


def _tells(folder: Path) -> bool:
    """Write a file, set it back, read it, and see."""
    probe = folder / f".podkeep-probe-{os.getpid()}"
    try:
        probe.write_bytes(b"x")
        _set_back(probe, probe.stat())
        probe.read_bytes()
        return probe.stat().st_atime_ns > _LONG_AGO_NS
    except OSError:
        return False
    finally:
        _remove(probe)


def _remove(probe: Path) -> None:
    try:
        probe.unlink(missing_ok=True)
    except OSError:
        return  # a few bytes with a name of ours: no reason to stop a job
