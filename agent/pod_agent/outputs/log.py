"""The job's log: one file of raw bytes, addressed by byte offset; its id changes only when the file is lost.

Not here: the training's output (the keeper is the only writer while it lives), and masking (masked.py).
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Self

from pod_agent.outputs.log_index import LogIndex

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class LogView:
    """One opened file, read by offset. Holds a descriptor; close it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._inode = os.fstat(self._fd).st_ino
        self.is_local = _never_waits(self._fd)

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def read(self, start: int, limit: int) -> bytes:
        """Up to ``limit`` bytes; fewer only at the end of the file."""
        data = os.pread(self._fd, limit, start)
        if not data or len(data) == limit:
            return data
        parts = [data]
        missing = limit - len(data)
        while missing and (more := os.pread(self._fd, missing, start + limit - missing)):
            parts.append(more)
            missing -= len(more)
        return b"".join(parts)

    def is_current(self) -> bool:
        """False once the path leads to another file, or to none: the volume was lost or the file replaced."""
        try:
            return self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _never_waits(fd: int) -> bool:
    """Whether the file is on a disk of this machine: network and FUSE mounts know no read without waiting."""
    try:
        os.preadv(fd, [bytearray(1)], 0, os.RWF_NOWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


class JobLog:
    """The log in a job's folder. Building one touches nothing; ``create`` makes what is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "log"
        self.index = LogIndex(folder / "log.index")

    def create(self) -> None:
        """Make folder, file and id where they are missing. A log that is there keeps its bytes and its id."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (
            not self.path.exists()
        ):  # what spoke of the former log goes first: dying in between must not revive it
            (self._folder / "log.id").unlink(missing_ok=True)
            self.index.clear()
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            if self._read_id():
                return
        else:
            os.close(fd)
        fresh = self._folder / "log.id.new"
        fresh.write_text(secrets.token_hex(8) + "\n", "ascii")
        fresh.replace(self._folder / "log.id")

    @property
    def id(self) -> str:
        """Another id means another file: offsets into the former one say nothing about this one."""
        known = self._read_id()
        if not known:
            self.create()
            known = self._read_id()
        return known

    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def view(self) -> LogView:
        return LogView(self.path)

    def read(self, start: int, limit: int) -> bytes:
        with self.view() as view:
            return view.read(start, limit)

    def append(self, data: bytes) -> None:
        """Write at the end. Only while no keeper lives: it does not open the file for appending."""
        if not self.path.exists():
            self.create()
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(fd, left) :]
        finally:
            os.close(fd)

    def offset_since(self, when: float) -> int:
        """An offset at or before the first byte written at ``when``: by a second's output, six where an agent ended."""
        return min(self.index.find(when), self.size())

    def _read_id(self) -> str:
        try:
            text = (self._folder / "log.id").read_bytes()[:64]
        except FileNotFoundError:
            return ""
        return text.decode("ascii", "replace").strip()
