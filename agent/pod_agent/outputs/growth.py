"""Notices that a file grew: inotify where the kernel has it, otherwise whoever waits looks again on a timer.

Not here: reading the file. A watch that cannot be had (EMFILE, ENOSPC, no inotify at all) is no error:
``fileno()`` is None then, and ``wait`` just sleeps.
"""

from __future__ import annotations

import ctypes
import os
import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

IN_MODIFY = 0x002
IN_ATTRIB = 0x004  # the last link went away, among other things
IN_DELETE_SELF = 0x400
IN_MOVE_SELF = 0x800

# A look after this many seconds in any case; shorter ones follow growth, for mounts that have no events.
FIRST_LOOK_S = 0.05
LAST_LOOK_S = 1.0


class Growth:
    """A watch on one file. Not thread-safe; one per reader, closed by it."""

    def __init__(self, path: Path) -> None:
        self._fd = _watch(path)

    def fileno(self) -> int | None:
        """A descriptor that becomes readable on growth; None where there are no events."""
        return self._fd

    def drain(self) -> None:
        """Take all events that wait, so that the descriptor is readable only after the next one."""
        if self._fd is None:
            return
        try:
            while os.read(self._fd, 4096):
                continue
        except BlockingIOError:
            return

    def wait(self, timeout_s: float, also: int | None = None) -> None:
        """Block until the file grew, ``also`` is readable, or the time is up."""
        poll = select.poll()  # select(2) takes no descriptor over 1023
        for fd in (self._fd, also):
            if fd is not None:
                poll.register(fd, select.POLLIN)
        poll.poll(max(0.0, timeout_s) * 1000)
        self.drain()

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Patience:
    """How long to wait before looking again: short after growth, then doubling up to once a second."""

    def __init__(self, first_s: float = FIRST_LOOK_S, last_s: float = LAST_LOOK_S) -> None:
        self._first = first_s
        self._last = last_s
        self._next = first_s

    def grew(self) -> None:
        self._next = self._first

    def next(self) -> float:
        chosen = self._next
        self._next = min(self._last, chosen * 2)
        return chosen


def _watch(path: Path) -> int | None:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        return None
    fd: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        return None
    mask = IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
    if libc.inotify_add_watch(fd, os.fsencode(path), mask) < 0:
        os.close(fd)
        return None
    return fd
