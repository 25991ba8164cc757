"""Where packs lie on the workspace, how many are kept, and how much room is left to everybody else.

Names and numbers only: nothing is packed or unpacked here. Several pods may share one shelf.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ENDING = ".pack"
DRAFT = ".new"
KEPT = 3
MOST_BYTES = 30 << 30  # of all packs together; a larger environment is not packed
LEAST_FREE = 5 << 30
SHARE_FREE = 5  # a fifth of the volume, but not more than
MOST_FREE = 50 << 30
ALWAYS = 0.05  # of what is free: so little is no checkpoint's last room, a small environment is packed anyway
STALE_S = 6 * 3600.0  # drafts of other pods that nobody writes to any more


@dataclass(frozen=True, slots=True)
class Limits:
    """``least_free``: bytes of the volume that no pack may take, unless it takes only ``always`` of what is free."""

    kept: int = KEPT
    most_bytes: int = MOST_BYTES
    least_free: int = LEAST_FREE
    most_free: int = MOST_FREE
    always: float = ALWAYS


def _me() -> str:
    return f"{os.uname().nodename}.{os.getpid()}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """``<workspace>/.podkeep/envs``. OSErrors are the workspace's. ``who``: this pod's host name and our pid."""

    folder: Path
    limits: Limits = Limits()
    who: str = field(default_factory=_me)

    def pack(self, name: str) -> Path:
        return self.folder / f"{name}{ENDING}"

    def draft(self, name: str) -> Path:
        """Where this pod writes; no other does."""
        return self.folder / f"{name}.{self.who}{DRAFT}"

    def reserve(self) -> int:
        """Bytes to leave free: checkpoints come first."""
        found = os.statvfs(self.folder)
        share = found.f_blocks * found.f_frsize // SHARE_FREE
        kept = min(max(self.limits.least_free, share), max(self.limits.most_free, self.limits.least_free))
        free = found.f_bavail * found.f_frsize
        return min(kept, int(free * (1 - self.limits.always)))

    def thin(self, room_for: int = 0) -> tuple[str, ...]:
        """Remove drafts that nobody writes, and the packs used longest ago beyond what is kept; their names."""
        self._remove_drafts()
        kept_bytes = room_for
        kept = 1 if room_for else 0
        gone = []
        for pack, size in self._packs():
            kept, kept_bytes = kept + 1, kept_bytes + size
            if kept > self.limits.kept or kept_bytes > self.limits.most_bytes:
                with suppress(FileNotFoundError):  # another pod was quicker
                    pack.unlink()
                gone.append(pack.name)
        return tuple(gone)

    def _packs(self) -> list[tuple[Path, int]]:
        """With their sizes, the one used last first."""
        found = []
        for pack in self.folder.glob(f"*{ENDING}"):
            with suppress(FileNotFoundError):
                seen = pack.stat()
                found.append((seen.st_mtime, pack, seen.st_size))
        return [(pack, size) for _, pack, size in sorted(found, reverse=True)]

    def _remove_drafts(self) -> None:
        host = self.who.rpartition(".")[0]
        for draft in self.folder.glob(f"*{DRAFT}"):
            with suppress(FileNotFoundError):
                words = draft.name.removesuffix(DRAFT).split(".", 1)[-1]
                ours = words.rpartition(".")[0] == host and not _lives(words.rpartition(".")[2])
                if ours or time.time() - draft.stat().st_mtime > STALE_S:
                    draft.unlink()


def _lives(pid: str) -> bool:
    """Whether an agent of this machine with that number may still write; our own draft is ours to remove."""
    return pid.isdecimal() and int(pid) != os.getpid() and Path("/proc", pid).exists()
