"""A program: makes an environment from its pack, several readers at once. Says how it went in one line of JSON.

Folders first, then the blocks in any order, each checked before a byte of it becomes a file, links and times last. A
failure leaves a half environment, which the caller removes: this program marks nothing as complete.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import sys
import traceback
import zlib
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pod_agent.run.environment.packs import form

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_READERS = 8
_PR_SET_PDEATHSIG = 1
FULL = {errno.ENOSPC, errno.EDQUOT}
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Reader:
    """One of several, in a process of its own: has blocks of its own."""

    def __init__(self, pack: Path, place: Path, index: form.Index) -> None:
        self._pack = os.open(pack, os.O_RDONLY | os.O_CLOEXEC)
        self._place = place
        self._index = index
        self._starts = index.starts()
        self._buffer = memoryview(bytearray(max((it.length for it in index.blocks), default=0)))
        self._folder, self._folder_fd = -1, -1
        os.umask(0)

    def run(self, numbers: Sequence[int]) -> None:
        """These blocks; while one becomes files, the next one comes."""
        for number, following in zip_longest(numbers, numbers[1:]):
            if following is not None:
                length = self._index.blocks[following].length
                os.posix_fadvise(self._pack, self._starts[following], length, os.POSIX_FADV_WILLNEED)
            self._block(number)

    def _block(self, number: int) -> None:
        block = self._index.blocks[number]
        data = self._read(self._starts[number], block.length)
        if zlib.crc32(data) != block.check:
            at = self._starts[number]
            raise form.Damaged(f"its bytes {at} to {at + block.length} are not what was written")
        files = self._index.files
        if is_piece(block, files):
            self._piece(block, data)
            return
        at = 0
        rows = slice(block.first, block.first + block.count)
        for folder, name, size, mode, mtime in zip(
            files.folder[rows], files.name[rows], files.size[rows], files.mode[rows], files.mtime_ns[rows],
            strict=True,
        ):  # fmt: skip
            if folder != self._folder:
                self._enter(folder)
            fd = os.open(name, _NEW, mode, dir_fd=self._folder_fd)
            if size:
                _write(fd, data[at : at + size])
            os.utime(fd, ns=(mtime, mtime))
            os.close(fd)
            at += size

    def _read(self, at: int, length: int) -> memoryview:
        done = 0
        while done < length:
            more = os.preadv(self._pack, [self._buffer[done:length]], at + done)
            if not more:
                raise form.Damaged("it is cut short")
            done += more
        return self._buffer[:length]

    def _piece(self, block: form.Block, data: memoryview) -> None:
        files, number = self._index.files, block.first
        if files.folder[number] != self._folder:
            self._enter(files.folder[number])
        fd = os.open(files.name[number], os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder_fd)
        os.lseek(fd, block.piece, os.SEEK_SET)
        _write(fd, data)
        os.close(fd)

    def _enter(self, folder: int) -> None:
        if self._folder_fd >= 0:
            os.close(self._folder_fd)
        self._folder = folder
        self._folder_fd = os.open(self._place / self._index.folders[folder][0], _FOLDER)


def is_piece(block: form.Block, files: form.Files) -> bool:
    return block.count == 1 and block.length < files.size[block.first]


def _write(fd: int, data: memoryview) -> None:
    while data:
        data = data[os.write(fd, data) :]


def unpack(pack: Path, place: Path, index: form.Index, readers: int) -> None:
    """All of it, into a folder that is not there yet."""
    for path, _ in index.folders:
        os.mkdir(place / path, 0o755)  # noqa: PTH102 - hot
    large = _make_large(place, index)
    _read_all(pack, place, index, readers)
    files = index.files
    for number in large:
        file = _path(place, index, number)
        file.chmod(files.mode[number])
        os.utime(file, ns=(files.mtime_ns[number],) * 2)
    for folder, name, target in index.links:
        os.symlink(target, place / index.folders[folder][0] / name)  # noqa: PTH211 - hot
    for path, mode in index.folders:
        if mode != 0o755:  # noqa: PLR2004
            os.chmod(place / path, mode)  # noqa: PTH101 - hot


def _make_large(place: Path, index: form.Index) -> list[int]:
    """The files that come in pieces, at their length: any reader may write any piece."""
    large = sorted({it.first for it in index.blocks if is_piece(it, index.files)})
    for number in large:
        fd = os.open(_path(place, index, number), _NEW, 0o600)
        os.truncate(fd, index.files.size[number])
        os.close(fd)
    return large


def _path(place: Path, index: form.Index, number: int) -> Path:
    return place / index.folders[index.files.folder[number]][0] / index.files.name[number]


def _read_all(pack: Path, place: Path, index: form.Index, readers: int) -> None:
    errors, told = os.pipe()
    children = []
    for first in range(min(readers, len(index.blocks))):
        child = os.fork()
        if not child:
            _read_some(pack, place, index, range(first, len(index.blocks), readers), told)
        children.append(child)
    os.close(told)
    words = os.read(errors, 1 << 16)  # the first to fail, or the end of all of them
    codes = [os.waitpid(child, 0)[1] for child in children]
    if words:
        raise _told(words.splitlines()[0])
    if any(codes):
        raise OSError(errno.EIO, f"a reader ended with {max(codes)}")


def _read_some(pack: Path, place: Path, index: form.Index, numbers: Sequence[int], told: int) -> NoReturn:
    """A child's part. It dies with its parent: nobody writes here any more when the next agent begins anew."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        Reader(pack, place, index).run(numbers)
        code = 0
    except form.Damaged as error:
        os.write(told, json.dumps({"damaged": str(error)}).encode() + b"\n")
    except OSError as error:
        words = {"errno": error.errno, "words": error.strerror, "file": str(error.filename or "")}
        os.write(told, json.dumps(words).encode() + b"\n")
    except Exception:  # noqa: BLE001 - the top of a process: nothing of the parent's may run here
        traceback.print_exc()
    finally:
        os._exit(code)


def _told(line: bytes) -> Exception:
    told = json.loads(line)
    if "damaged" in told:
        return form.Damaged(told["damaged"])
    return OSError(told["errno"], told["words"], told["file"])


def readers() -> int:
    """As many as there are cores, and two on one: while one waits for the mount the other makes files."""
    return min(MOST_READERS, max(2, len(os.sched_getaffinity(0))))


def make(pack: Path, place: Path, wanted: dict[str, str]) -> dict[str, object]:
    """Unpack if the pack is what is wanted; the answer is what became of it."""
    try:
        fd = os.open(pack, os.O_RDONLY | os.O_CLOEXEC)
        try:
            index = form.read(fd)
        finally:
            os.close(fd)
        for name, value in wanted.items():
            if (found := getattr(index.facts, name)) != value:
                return {"problem": "damaged", "words": f"it was made for {name} {found}, not {value}"}
        unpack(pack, place, index, readers())
    except form.Damaged as error:
        return {"problem": "damaged", "words": str(error)}
    except form.Newer as error:
        return {"problem": "newer", "words": str(error)}
    except OSError as error:
        kind = "full" if error.errno in FULL and error.filename != str(pack) else "failed"
        return {"problem": kind, "words": str(error.strerror)}
    return {
        "files": len(index.files),
        "bytes": index.starts()[-1],
        "census": index.facts.census,
        "own": index.facts.own,
    }


def main() -> None:
    """Arguments: the pack, the environment's path, and the facts that must hold as JSON."""
    answer = make(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
    sys.stdout.write(json.dumps(answer) + "\n")
