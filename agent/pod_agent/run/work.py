"""What the steps before the training share: a line into the log, a program run, a cancel, a silence noticed.

Not the training itself: that belongs to the keeper. What runs here dies with the agent.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pod_wire.clock import Clock

TAIL = 64 << 10  # bytes kept of a program's output when it goes into the log
MOST = 16 << 20  # bytes kept of an output that is captured
BEAT_S = 0.25  # how soon a cancel is noticed while a program is quiet
CALM_TICKS = 10  # a tenth of a second of CPU is a sign of life; a timer's wake-ups are none
GRACE_S = 2.0
QUIET_S = 5.0  # without output for so long, CPU and bytes are looked at


class StepFailed(PodError):
    """A step cannot be done. ``message`` is the reason, ``hint`` the remedy."""


class StepCancelled(Exception):
    """The step was asked to end; nobody is told a reason, they know."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A program's end: exit code (negative: the signal), and the tail of what it wrote."""

    code: int
    output: bytes
    errors: bytes = b""

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def text(self) -> str:
        return self.output.decode("utf-8", "replace").strip()


class Work:
    """One step's work: its line into the job's log, its programs, its end. Thread-safe."""

    def __init__(self, write: Callable[[bytes], None], clock: Clock, silence_s: float = 1800.0) -> None:
        self._write = write
        self._clock = clock
        self._silence_s = silence_s
        self._cancelled = threading.Event()
        self._alive_at = clock.monotonic()

    def say(self, line: str) -> None:
        """One line of the agent's own into the job's log."""
        self._write(f"{line}\n".encode("utf-8", "replace"))
        self.beat()

    def beat(self) -> None:
        """A sign of life of a step that works inside the agent, also where it may be cancelled."""
        self._alive_at = self._clock.monotonic()
        if self._cancelled.is_set():
            raise StepCancelled

    def silent_for(self) -> float:
        """Seconds since the last sign of life, for whoever watches a thread that may hang on a dead mount."""
        return self._clock.monotonic() - self._alive_at

    def pause(self, seconds: float) -> None:
        """Wait between two tries; a cancel ends the waiting within a second."""
        while seconds > 0:
            self.beat()
            self._clock.sleep(min(1.0, seconds))
            seconds -= 1.0
        self.beat()

    def cancel(self) -> None:
        """End the step: what runs gets TERM, two seconds, KILL. Returns at once."""
        self._cancelled.set()

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        capture: bool = False,
        quiet: bool = False,
    ) -> Finished:
        """Run a program to its end in its own session.

        Its output goes into the log as it comes, and its tail is returned. ``quiet`` keeps it out of the log;
        ``capture`` does too, and returns what went to stdout and stderr apart and whole.
        """
        self.beat()
        process = _spawn(argv, cwd, env, capture)
        pumps = _Pumps(process, None if capture or quiet else self._write, MOST if capture else TAIL)
        try:
            self._follow(process, pumps, argv)
        finally:
            _end(process.pid, process)
            pumps.close()
        return Finished(process.returncode, pumps.output(), pumps.errors())

    def _follow(self, process: subprocess.Popen[bytes], pumps: _Pumps, argv: Sequence[str]) -> None:
        seen = _Life(0, 0, 0)
        while True:
            open_still = pumps.turn(BEAT_S)
            if self._cancelled.is_set():
                raise StepCancelled
            if process.poll() is not None:
                pumps.drain()
                return
            if not open_still:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(BEAT_S)
            is_quiet = self.silent_for() > min(QUIET_S, self._silence_s / 4)
            now = _Life(pumps.count, *_session_life(process.pid)) if is_quiet else seen
            if pumps.count > seen.output or now.is_beyond(seen):
                seen = _Life(pumps.count, now.ticks, now.moved)
                self.beat()
            elif self.silent_for() > self._silence_s:
                raise StepFailed(
                    f"cannot finish {Path(argv[0]).name} {' '.join(argv[1:2])}: "
                    f"no output, no CPU and no bytes for {self._silence_s / 60:.0f} minutes",
                    "look at the log's last lines: a server that never answers, or a prompt that waits",
                )


@dataclass(frozen=True, slots=True)
class _Life:
    """Signs of life of a program and its children."""

    output: int
    ticks: int
    moved: int

    def is_beyond(self, earlier: _Life) -> bool:
        return self.moved != earlier.moved or abs(self.ticks - earlier.ticks) >= CALM_TICKS


class _Pumps:
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


def _spawn(argv: Sequence[str], cwd: Path, env: Mapping[str, str], capture: bool) -> subprocess.Popen[bytes]:
    program = shutil.which(argv[0], path=env.get("PATH", os.defpath))
    if program is None:
        raise StepFailed(
            f"cannot run {argv[0]}: there is no such program", f"use an image that has {argv[0]}"
        )
    leash = shutil.which("setpriv", path=env.get("PATH", os.defpath))
    prefix = [leash, "--pdeathsig", "KILL", "--"] if leash else []
    try:
        return subprocess.Popen(
            [*prefix, program, *argv[1:]],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if capture else subprocess.STDOUT,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise StepFailed(f"cannot run {argv[0]} in {cwd}: {error.strerror}") from error


def _end(session: int, process: subprocess.Popen[bytes]) -> None:
    """Nothing of the session is left afterwards: TERM, two seconds, KILL."""
    if process.poll() is None:
        _kill(session, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    if process.poll() is None or _members(session):
        _kill(session, signal.SIGKILL)
    process.wait()


def _kill(session: int, number: int) -> None:
    for pid in {session, *_members(session)}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _members(session: int) -> tuple[int, ...]:
    return tuple(pid for pid, _ in _stats(session))


def _stats(session: int) -> Iterator[tuple[int, list[bytes]]]:
    """Pid and the fields of /proc/<pid>/stat from the third on, of every living process in a session."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - hot: no Path per process
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()
            if int(fields[3]) == session and fields[0] not in {b"Z", b"X"}:
                yield int(name), fields


def _session_life(session: int) -> tuple[int, int]:
    """CPU ticks, and characters read and written, of all that lives in a session."""
    ticks = moved = 0
    for pid, fields in _stats(session):
        ticks += sum(int(field) for field in fields[11:15])
        with contextlib.suppress(OSError):
            words = Path("/proc", str(pid), "io").read_bytes().split()
            moved += int(words[1]) + int(words[3])
    return ticks, moved
