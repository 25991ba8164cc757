"""The keeper's one pipe and one file: bytes go from the FIFO to the log by splice(2), at an explicit offset.

While a keeper lives nobody else writes the log. A full disk is waited for: the FIFO fills, and the job blocks
in its write instead of failing. Lines are of no interest here.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import termios
import time

TYPE_CHECKING = False  # typing's own costs memory that the keeper does not have
if TYPE_CHECKING:
    from collections.abc import Callable

PIPE_SIZE = 1 << 20
COPY_SIZE = 1 << 16  # where splice does not work
BURST = 8  # moves before signals are looked at again
LITTLE = 4096  # whoever writes less than this has not more waiting
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _enlarge(fifo: int) -> bool:
    """False over the user's share of pipe pages: the default size does, only slower."""
    try:
        fcntl.fcntl(fifo, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    except PermissionError:
        return False
    return True


class LogPump:
    """Moves bytes, and knows how many are in the log and since when none could be."""

    def __init__(self, fifo: str, log: bytes) -> None:
        self.fifo = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        _enlarge(self.fifo)
        self.path = log
        self.log = -1
        self.offset = 0
        self.own = b""  # bytes of ours that go in before anything else from the FIFO
        self.error = 0  # errno of the last write, 0 when it went well
        self.blocked_since: float | None = None
        self.splices = True

    def open(self) -> None:
        """Open the log. ``move`` tries it too: a log that cannot be opened is waited for like a full disk."""
        if self.log < 0:
            self.log = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self.offset = os.fstat(self.log).st_size

    def line_break(self) -> bytes:
        """What puts the next byte at the beginning of a line."""
        ends_well = self.offset == 0 or os.pread(self.log, 1, self.offset - 1) == b"\n"
        return b"" if ends_well else b"\n"

    def waiting(self) -> int:
        """Bytes that are in the FIFO."""
        answer = fcntl.ioctl(self.fifo, termios.FIONREAD, b"\0\0\0\0")
        return int(struct.unpack("i", answer)[0])

    @property
    def flows(self) -> bool:
        """The log is open, splice works on it, and nothing of ours is to be written first."""
        return self.log >= 0 and self.splices and not self.own and self.blocked_since is None

    def carry(self, poll: Callable[[], list[tuple[int, int]]]) -> list[tuple[int, int]]:
        """Move what comes until something else happens; what was heard then. A few calls a line, so it stays bare."""
        fifo, log, splice, flags = self.fifo, self.log, os.splice, os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE
        while True:
            heard = poll()
            if len(heard) != 1 or heard[0][0] != fifo:
                return heard
            try:
                self.offset += splice(fifo, log, PIPE_SIZE, None, self.offset, flags)
            except OSError:
                return heard  # move finds out what is wrong

    def move(self) -> None:
        """Move what is there, up to a burst. Afterwards ``blocked_since`` tells whether the disk takes it."""
        try:
            self.open()
            for _ in range(BURST):
                if self._move_some() < LITTLE and not self.own:
                    break
        except BlockingIOError:
            self.error, self.blocked_since = 0, None
        except OSError as error:
            self.error = error.errno or errno.EIO
            self.blocked_since = time.monotonic() if self.blocked_since is None else self.blocked_since
        else:
            self.error, self.blocked_since = 0, None

    def _move_some(self) -> int:
        if self.own:
            count = os.pwrite(self.log, self.own, self.offset)
            self.own = self.own[count:]
        elif self.splices:
            count = self._splice()
        else:
            self.own = os.read(self.fifo, COPY_SIZE)
            return len(self.own)
        self.offset += count
        return count

    def _splice(self) -> int:
        try:
            return os.splice(
                self.fifo,
                self.log,
                PIPE_SIZE,
                offset_dst=self.offset,
                flags=os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE,
            )
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self.splices = False  # a file system without it: read and write
            return 0

    @property
    def is_clear(self) -> bool:
        """Nothing of ours and nothing of the job's waits to be written."""
        return not self.own and not self.waiting()
