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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
LIMIT_S = 5.0
BALLAST_BYTES = 1 << 20


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
        if not errand.done.wait(self._limit_s):
            self._stuck = errand.done
            raise Hung(f"cannot {what}: no answer from the workspace within {self._limit_s:g} s")
        if errand.error is not None:
            raise errand.error
        return errand.result[0]

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
    """Write a file whole or not at all. A full disk gets its ballast thrown off, once."""
    try:
        _replace(path, data)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT} or ballast is None or not ballast.exists():
            raise
        ballast.unlink(missing_ok=True)
        _replace(path, data)


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
        try:
            _write_all(fd, torn + line)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT} or ballast is None or not ballast.exists():
                raise
            ballast.unlink(missing_ok=True)
            os.ftruncate(fd, size)
            _write_all(fd, torn + line)
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def lay_ballast(path: Path, size_bytes: int = BALLAST_BYTES) -> None:
    """Reserve room that a full disk gives back: what is written last of a job still finds its place."""
    if path.exists():
        return
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, size_bytes)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
