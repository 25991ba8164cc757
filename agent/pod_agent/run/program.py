"""One program of a step: started on a leash, its pipes read, its signs of life counted, its session ended.

Not the training's keeper: nothing here outlives the agent. What a failure means is ``work``'s to say.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pod_agent.run.keeper_tree import members
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

STEP = "PODKEEP_STEP"  # the variable by which we find what left a program's session
CALM_TICKS = 10  # a tenth of a second of CPU is a sign of life; a timer's wake-ups are none
GRACE_S = 2.0


@dataclass(frozen=True, slots=True)
class Life:
    """Signs of life of a program and its children."""

    output: int
    ticks: int
    moved: int

    def is_beyond(self, earlier: Life) -> bool:
        return self.moved != earlier.moved or abs(self.ticks - earlier.ticks) >= CALM_TICKS


class Pumps:
    """A program's pipes: reads what is there, keeps a bounded tail, passes it on."""

    def __init__(
        self, process: subprocess.Popen[bytes], write: Callable[[bytes], None] | None, keep: int
    ) -> None:
        self._pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
        self._kept = {pipe.fileno(): bytearray() for pipe in self._pipes}
        self._order = [pipe.fileno() for pipe in self._pipes]
        self._write = write
        self._keep = keep
        self._selector = selectors.DefaultSelector()
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ)
        self.count = 0

    def turn(self, wait_s: float) -> bool:
        """Read what is there, or wait a little for it. False when both ends are closed."""
        if not self._selector.get_map():
            return False
        for key, _ in self._selector.select(wait_s):
            pipe = key.fileobj
            if not isinstance(pipe, int) and not self._read(key.fd):
                self._selector.unregister(pipe)
        return bool(self._selector.get_map())

    def drain(self) -> None:
        """What is still in the pipes of a program that has ended; a leftover child may hold them open."""
        for fd in list(self._order):
            for _ in range(64):  # bounded: the leftover may write for ever
                if not self._read(fd):
                    break

    def _read(self, fd: int) -> bool:
        try:
            data = os.read(fd, 1 << 16)
        except BlockingIOError:
            return False
        if not data:
            return False
        self.count += len(data)
        kept = self._kept[fd]
        kept += data
        del kept[: max(0, len(kept) - self._keep)]
        if self._write is not None:
            self._write(data)
        return True

    def output(self) -> bytes:
        return bytes(self._kept[self._order[0]])

    def errors(self) -> bytes:
        return bytes(self._kept[self._order[1]]) if len(self._order) > 1 else b""

    def close(self) -> None:
        self._selector.close()
        for pipe in self._pipes:
            _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        pipe.close()


def spawn(argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, apart: bool) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, to die with us. ``apart``: stderr gets its own pipe. Raises OSError."""
    path = env.get("PATH", os.defpath)
    program = shutil.which(argv[0], path=path)
    if program is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such program", argv[0])
    leash = shutil.which("setpriv", path=path)
    prefix = [leash, "--pdeathsig", "KILL", "--"] if leash else []
    return subprocess.Popen(
        [*prefix, program, *argv[1:]],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if apart else subprocess.STDOUT,
        start_new_session=True,
        bufsize=0,
    )


def end(session: int, process: subprocess.Popen[bytes], mark: str = "") -> None:
    """Nothing of the session is left afterwards: TERM, two seconds, KILL. ``mark``: nor of who carries this one."""
    if process.poll() is None:
        _kill(session, signal.SIGTERM, mark)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    if process.poll() is None or _members(session, mark):
        _kill(session, signal.SIGKILL, mark)
    process.wait()


def _kill(session: int, number: int, mark: str) -> None:
    for pid in {session, *_members(session, mark)}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _members(session: int, mark: str) -> tuple[int, ...]:
    strays = members(0, 0, f"{STEP}={mark}".encode()) if mark else ()
    return (*(pid for pid, _ in _stats(session)), *strays)


def _stats(session: int) -> Iterator[tuple[int, list[bytes]]]:
    """Pid and the fields of /proc/<pid>/stat from the third on, of every living process in a session."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - hot: no Path per process
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()
            if int(fields[3]) == session and fields[0] not in {b"Z", b"X"}:
                yield int(name), fields


def life_of(session: int) -> tuple[int, int]:
    """CPU ticks, and characters read and written, of all that lives in a session."""
    ticks = moved = 0
    for pid, fields in _stats(session):
        ticks += sum(int(field) for field in fields[11:15])
        with contextlib.suppress(OSError):
            words = Path("/proc", str(pid), "io").read_bytes().split()
            moved += int(words[1]) + int(words[3])
    return ticks, moved
