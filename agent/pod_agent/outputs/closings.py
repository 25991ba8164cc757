"""Which files below a folder were just closed by whoever wrote them, or moved into place: inotify over its folders.

A hint, not a promise: where there are no events (EMFILE, too many folders) ``wait`` only sleeps, and whoever waits
looks again on a timer; ``hears_all`` says when that may be a slow one. Not here: what kind of files they are.
"""

from __future__ import annotations

import collections
import ctypes
import errno
import os
import select
import struct
import time
from enum import StrEnum
from pathlib import Path

from pod_agent.outputs.checkpoints.find import is_looked_into
from pod_wire.bell import Bell

IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE = 0x008, 0x080, 0x100
IN_OVERFLOW, IN_IGNORED = 0x4000, 0x8000
IN_ONLYDIR, IN_DONT_FOLLOW, IN_ISDIR = 0x01000000, 0x02000000, 0x40000000
_MASK = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR | IN_DONT_FOLLOW
_HEAD = struct.Struct("iIII")
_MOST = 1000  # folders; the kernel allows a user 8192 at least
_PATIENCE_S = 2.0  # for listing a tree; what lies deeper is left to the looks


class Way(StrEnum):
    """How a file came to be as it is."""

    IN_PLACE = "in place"  # written under its own name
    MOVED = "moved"  # written elsewhere, and put here whole
    UNSEEN = "unseen"  # before anybody watched its folder


class Closings:
    """A watch on a tree. ``wait`` and ``close`` belong to one thread; ``wake`` may be called from any."""

    def __init__(self, top: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._top = os.fspath(top)
        self._folders: dict[int, str] = {}
        self._bell = Bell()
        has = hasattr(self._libc, "inotify_init1")
        self._fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC) if has else -1
        self.hears_all = self._fd >= 0  # until some of the tree was found that is not listened to
        self.stirred = False  # whether anything happened during the last ``wait``, a new folder too
        self._add_tree(self._top, None)

    def wait(self, timeout_s: float) -> dict[Path, Way]:
        """Files that were written since the last call, and how; at most so long, or until ``wake``."""
        found: dict[str, Way] = {}
        self.stirred = False
        bell = self._bell.fileno()
        if bell is None:
            self._bell.wait(timeout_s)
        elif not self._has_events(bell, timeout_s):
            return {}
        if self._fd >= 0:
            self._read(found)
        return {Path(name): way for name, way in found.items()}

    def wake(self) -> None:
        """End the waiting, now and from now on."""
        self._bell.ring()

    def close(self) -> None:
        self._bell.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _has_events(self, bell: int, timeout_s: float) -> bool:
        """Wait for events, or to be woken."""
        poll = select.poll()  # select(2) takes no descriptor over 1023
        poll.register(bell, select.POLLIN)
        if self._fd >= 0:
            poll.register(self._fd, select.POLLIN)
        return any(fd == self._fd for fd, _ in poll.poll(max(0.0, timeout_s) * 1000))

    def _read(self, found: dict[str, Way]) -> None:
        while True:
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                return  # nothing more
            self.stirred = True
            at = 0
            while at < len(data):
                wd, mask, _, length = _HEAD.unpack_from(data, at)
                name = data[at + _HEAD.size : at + _HEAD.size + length].rstrip(b"\0")
                at += _HEAD.size + length
                self._take(wd, mask, os.fsdecode(name), found)

    def _take(self, wd: int, mask: int, name: str, found: dict[str, Way]) -> None:
        if mask & IN_IGNORED:
            self._deafen(self._folders.pop(wd, None) == self._top)
            return
        folder = self._folders.get(wd)
        if folder is None or mask & IN_OVERFLOW:
            self._deafen(bool(mask & IN_OVERFLOW))
            return  # what was lost is found by the next look
        path = os.path.join(folder, name)  # noqa: PTH118 - bytes that are no text stay as they are
        if mask & IN_ISDIR:
            if is_looked_into(name):
                self._add_tree(path, found)
        elif mask & IN_CLOSE_WRITE:
            found[path] = Way.IN_PLACE
        elif mask & IN_MOVED_TO and found.get(path) is not Way.IN_PLACE:
            found[path] = Way.MOVED
        if mask & (IN_CREATE | IN_MOVED_TO) and not mask & IN_ISDIR and os.path.islink(path):  # noqa: PTH114 - hot
            self._deafen(not self._leads_below(path))

    def _deafen(self, is_so: bool) -> None:
        """From now on something may happen without an event."""
        self.hears_all = self.hears_all and not is_so

    def _leads_below(self, link: str) -> bool:
        return os.path.realpath(link).startswith(os.path.realpath(self._top) + "/")

    def _add_tree(self, top: str, found: dict[str, Way] | None) -> None:
        """A folder and all below it. What lies in a new one may have been closed before anybody watched."""
        left = collections.deque([top])
        until = time.monotonic() + _PATIENCE_S
        while left and self._fd >= 0 and len(self._folders) < _MOST and time.monotonic() < until:
            folder = left.popleft()
            wd = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), _MASK)
            if wd < 0:
                self._deafen(ctypes.get_errno() != errno.ENOENT or folder == self._top)
                continue
            self._folders[wd] = folder
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            if is_looked_into(entry.name):
                                left.append(entry.path)
                            continue
                        if found is not None:
                            found.setdefault(entry.path, Way.UNSEEN)
                        self._deafen(entry.is_symlink() and not self._leads_below(entry.path))
            except OSError:
                continue  # gone already
        self._deafen(bool(left))
