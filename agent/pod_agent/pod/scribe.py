"""Writes to places that may hang: one thread does them, and nobody waits longer than the limit.

The workspace may be a dead network mount. Then a write is given up after five seconds, the next ones at once while
it still hangs, and the caller uses the container's disk. Also the small file habits: replace, append whole lines.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
LIMIT_S = 5.0
HASTY_S = 0.5  # the pod is going, and has five seconds for everything
HEARD_S = 0.1
BALLAST_BYTES = 2 << 20  # what waits in a job's pipe takes one, our last words find place in the other
PIECE_BYTES = 1 << 16
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Hung(PodError):
    """A place did not answer within the limit."""


@dataclass(slots=True)
class _Errand(Generic[T]):
    act: Callable[[], T]
    done: threading.Event = field(default_factory=threading.Event)
    result: list[T] = field(default_factory=list)
    error: Exception | None = None


class Scribe:
    """One thread for one place. ``do`` runs a deed there and waits at most ``limit_s`` for it."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._errands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stuck: threading.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_stuck(self) -> bool:
        """Whether an earlier deed still hangs."""
        return self._stuck is not None and not self._stuck.is_set()

    def do(self, what: str, act: Callable[[], T]) -> T:
        """The deed's result, or its error; Hung when the place does not answer in time."""
        if self.is_stuck:
            raise Hung(f"cannot {what}: the workspace still does not answer")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="scribe", daemon=True)
            self._thread.start()
        errand = _Errand(act)
        self._errands.put(lambda: _carry_out(errand))
        if not self._is_done(errand.done):
            self._stuck = errand.done
            raise Hung(f"cannot {what}: no answer from the workspace within {self._limit_s:g} s")
        if errand.error is not None:
            raise errand.error
        return errand.result[0]

    def hurry(self) -> None:
        """From now on nobody waits long, those who wait already included. Any thread's."""
        self._limit_s = min(self._limit_s, HASTY_S)

    def _is_done(self, done: threading.Event) -> bool:
        """Wait for it, though no longer than the limit, which may shrink meanwhile."""
        began = time.monotonic()
        while (left_s := began + self._limit_s - time.monotonic()) > 0:
            if done.wait(min(left_s, HEARD_S)):
                return True
        return done.is_set()

    def _work(self) -> None:
        while True:
            self._errands.get()()


def _carry_out(errand: _Errand[T]) -> None:
    try:
        errand.result.append(errand.act())
    except Exception as error:  # noqa: BLE001 - a thread's top: the error goes to whoever waits
        errand.error = error
    finally:
        errand.done.set()


def make_folder(path: Path) -> None:
    """A folder that only we may look into."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def replace(path: Path, data: bytes, *, ballast: Path | None = None) -> None:
    """Write a file whole or not at all. On a full disk ballast is thrown off."""
    _make_room(lambda: _replace(path, data), ballast)


def _make_room(write: Callable[[], None], ballast: Path | None) -> None:
    """Piece by piece, as a job that waits for room takes at once whatever a write of ours leaves over."""
    while True:
        try:
            write()
        except OSError as error:
            if error.errno not in FULL or ballast is None or not _throw_off(ballast):
                raise
        else:
            return


def _throw_off(ballast: Path) -> bool:
    """Free a piece; False when nothing is left."""
    try:
        left = ballast.stat().st_size - PIECE_BYTES
        if left > 0:
            os.truncate(ballast, left)
        else:
            ballast.unlink()
    except FileNotFoundError:
        return False
    return True


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, data)
            os.fsync(fd)  # a host that loses power must not leave the new name with nothing in it
        finally:
            os.close(fd)
        draft.rename(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def append(path: Path, line: bytes, *, ballast: Path | None = None) -> None:
    """Add a whole line. A line torn by an earlier death is closed first, so that it spoils nobody else's."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(fd).st_size
        torn = b"\n" if size and os.pread(fd, 1, size - 1) != b"\n" else b""

        def write() -> None:
            os.ftruncate(fd, size)  # what an earlier try left of it
            _write_all(fd, torn + line)

        _make_room(write, ballast)
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def lay_ballast(path: Path, size_bytes: int = BALLAST_BYTES) -> None:
    """Reserve room that a full disk gives back: what is written last of a job still finds its place."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(fd).st_size
        if before >= size_bytes:
            return
        try:
            os.posix_fallocate(fd, 0, size_bytes)
        except OSError:
            os.ftruncate(fd, before)
            raise
    finally:
        os.close(fd)
