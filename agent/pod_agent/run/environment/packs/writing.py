"""A program: packs an environment into one file while the training runs, and keeps out of its way.

Lowest priority for CPU and disk, a few megabytes of memory, nothing left behind in the page cache; it ends with the
agent. An environment that the job has changed since it was made is not packed. Says how it went in one line of JSON.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import stat
import sys
import zlib
from contextlib import suppress
from pathlib import Path

from pod_agent.run.environment.packs import census, form

SYNC_EVERY = 64 << 20  # bytes of ours at most that wait for a slow mount
_IOPRIO_SET, _IDLE = {"x86_64": 251, "aarch64": 30}, 3 << 13  # the system call's number; the idle class
FULL = {errno.ENOSPC, errno.EDQUOT}


class Changed(Exception):
    """The environment is not what it was when it was complete."""


class TooFull(Exception):
    """The workspace would have less room left than is to be kept free."""


class Writer:
    """A pack under way: bytes go in, blocks come out."""

    def __init__(self, out: int, reserve: int) -> None:
        self._out = out
        self._reserve = reserve
        self._parent = os.getppid()
        self._block = bytearray()
        self._first = 0
        self._unsynced = 0
        self.at = 0
        self.files = form.Files()
        self.blocks: list[form.Block] = []

    def file(self, path: str, folder: int, name: str, seen: os.stat_result) -> None:
        """A file, whole, as it was when it was seen."""
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - hot
            if seen.st_size > form.BLOCK - len(self._block):
                self._end_block()
            if seen.st_size > form.BLOCK:
                self._pieces(file.fileno(), seen.st_size)
            else:
                data = file.read(seen.st_size + 1)
                if len(data) != seen.st_size:
                    raise Changed
                self._block += data
        for column, value in (
            (self.files.folder, folder),
            (self.files.size, seen.st_size),
            (self.files.mode, stat.S_IMODE(seen.st_mode) & 0o777),
            (self.files.mtime_ns, seen.st_mtime_ns),
        ):
            column.append(value)
        self.files.name.append(name)
        if seen.st_size > form.BLOCK:
            self._first = len(self.files)

    def _pieces(self, fd: int, size: int) -> None:
        for start in range(0, size, form.BLOCK):
            wanted = min(form.BLOCK, size - start)
            data = b""
            while len(data) < wanted and (more := os.pread(fd, wanted - len(data), start + len(data))):
                data += more
            if len(data) != wanted:
                raise Changed
            self._write(data, 1, start)

    def _end_block(self) -> None:
        if len(self.files) > self._first:
            self._write(self._block, len(self.files) - self._first)
            self._first = len(self.files)
            self._block = bytearray()

    def _write(self, data: bytes | bytearray, count: int, piece: int = 0) -> None:
        self.blocks.append(form.Block(len(data), zlib.crc32(data), self._first, count, piece))
        self._put(data)

    def _put(self, data: bytes | bytearray) -> None:
        left = memoryview(data)
        while left:
            done = os.write(self._out, left)
            left = left[done:]
            self.at += done
            self._unsynced += done
        if self._unsynced >= SYNC_EVERY:
            self._settle()

    def _settle(self) -> None:
        """Let the mount catch up, drop what the training has no use for, and look whether we should go on."""
        os.fdatasync(self._out)
        with suppress(OSError):
            os.posix_fadvise(self._out, 0, self.at, os.POSIX_FADV_DONTNEED)
        self._unsynced = 0
        if os.getppid() != self._parent:
            sys.exit(1)  # the agent is gone; what was begun is removed by the next one
        if room(self._out) < self._reserve:
            raise TooFull

    def finish(self, index: form.Index) -> None:
        """The index and the foot; from here on the file is a pack."""
        self._put(form.ending(index, self.at))
        os.fsync(self._out)
        self._settle()

    def end_blocks(self) -> None:
        self._end_block()


def pack(place: Path, out: int, facts: form.Facts, reserve: int) -> form.Index:
    """The environment's bytes into an open file. Changed, TooFull, or an OSError of either side."""
    writer = Writer(out, reserve)
    folders: list[tuple[str, int]] = []
    links: list[tuple[int, str, str]] = []
    for cached in (
        False,
        True,
    ):  # byte code last: most of what the training imports has been compiled by then
        for entry in census.walk(place):
            if census.is_cache(entry.path) is cached:
                folders.append((entry.path, entry.mode & 0o777))
                links += _folder(writer, place, entry, len(folders) - 1)
    writer.end_blocks()
    if census.take(place).digest != facts.census:
        raise Changed
    index = form.Index(facts, folders, writer.files, links, writer.blocks)
    writer.finish(index)
    return index


def _folder(writer: Writer, place: Path, entry: census.Entry, number: int) -> list[tuple[int, str, str]]:
    links = []
    top = os.path.join(place, entry.path)  # noqa: PTH118 - hot
    for name, seen in entry.things:
        path = os.path.join(top, name)  # noqa: PTH118 - hot
        if census.is_cache(entry.path):
            if name.endswith(".pyc") and stat.S_ISREG(seen.st_mode):
                with suppress(FileNotFoundError, Changed):  # Python has just put a newer one there
                    writer.file(path, number, name, seen)
        elif stat.S_ISLNK(seen.st_mode):
            links.append((number, name, os.readlink(path)))  # noqa: PTH115 - hot
        elif stat.S_ISREG(seen.st_mode):
            writer.file(path, number, name, seen)
    return links


def room(fd: int) -> int:
    """Bytes that are free where this file is."""
    found = os.fstatvfs(fd)
    return found.f_bavail * found.f_frsize


def keep_low() -> None:
    """The training comes first, for CPU and for disk."""
    os.nice(19)
    number = _IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        ctypes.CDLL(None).syscall(number, 1, 0, _IDLE)  # a kernel that refuses has no such classes


def main() -> None:
    """Arguments: the environment, the file to write, bytes to leave free, and the facts as JSON."""
    place, target, reserve, told = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    keep_low()
    facts = form.Facts(**json.loads(told))
    answer: dict[str, object]
    try:
        out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        counted = census.take(place)
        if counted.digest != facts.census:
            raise Changed  # noqa: TRY301 - one border for all of them
        if room(out) - counted.bytes < reserve:
            raise TooFull  # noqa: TRY301
        index = pack(place, out, facts, reserve)
        answer = {"files": len(index.files), "bytes": os.fstat(out).st_size}
    except Changed:
        answer = {"problem": "changed", "words": "the job has changed it since it was made"}
    except TooFull:
        words = f"less than {reserve / 1e6:.0f} MB of the workspace would stay free for checkpoints"
        answer = {"problem": "full", "words": words}
    except OSError as error:
        kind = "full" if error.errno in FULL else "failed"
        answer = {"problem": kind, "words": f"{error.strerror}: {error.filename or target}"}
    sys.stdout.write(json.dumps(answer) + "\n")
