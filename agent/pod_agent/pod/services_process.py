"""The process of a service: begun so that a later agent finds it, watched by pidfd, ended with its whole group.

Named by pid and kernel start time, kept in a file before it runs: a gate holds it back until that is written, so an
agent's death at any moment leaves no service that nobody knows. Not here: when to begin or end one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import signal
import subprocess
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass
from pod_wire.routes import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.pod.services import Start

GATE = 'read -r _ || exit 125; exec "$@" </dev/null'
MOST_LOG_BYTES = 1 << 20
TAIL_BYTES = 4096
WORDS = 300


@dataclass(frozen=True, slots=True)
class Known:
    """What is written of a process, for the agent after us."""

    pid: int
    started: int  # kernel ticks
    making: str  # a digest of all that it was begun with
    since: float
    restarts: int = 0
    log_from: int = 0  # what the log held before it
    format: int = FORMAT


class Process:
    """A living one, ours or our predecessor's."""

    def __init__(self, known: Known, fd: int, child: subprocess.Popen[bytes] | None) -> None:
        self.known = known
        self.fd = fd
        self._child = child

    @property
    def has_ended(self) -> bool:
        return bool(ready([self.fd], 0))

    def buried(self) -> str:
        """Take its leftovers away; how it ended, in words. Only once it has ended."""
        _signal_group(self.known.pid, signal.SIGKILL)
        os.close(self.fd)
        if self._child is None:
            return "it ended"
        code = self._child.wait()
        return f"it was ended by signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def end(self, grace_s: float) -> None:
        """TERM for its group, the grace, KILL."""
        _signal_group(self.known.pid, signal.SIGTERM)
        if not ready([self.fd], grace_s):
            _signal_group(self.known.pid, signal.SIGKILL)
            ready([self.fd], grace_s)
        if self.has_ended:
            self.buried()


class Place:
    """The files of one service below the run folder: its record and its log."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._record = folder / f"{name}.json"
        self.log = folder / f"{name}.log"

    def begin(self, start: Start, now: float, restarts: int) -> Process:
        """Start it, in a session of its own. Raises OSError."""
        scribe.make_folder(self._folder)
        fd = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            before = os.fstat(fd).st_size
            child = subprocess.Popen(
                ["/bin/sh", "-c", GATE, "podkeep", *start.argv],
                cwd=start.cwd,
                env=dict(start.env),
                stdin=subprocess.PIPE,
                stdout=fd,
                stderr=fd,
                start_new_session=True,
                bufsize=0,
            )
        finally:
            os.close(fd)
        known = Known(child.pid, start_time(child.pid) or 0, making(start), now, restarts, before)
        try:
            pidfd = os.pidfd_open(child.pid)
            scribe.replace(self._record, to_json(known) + b"\n")
            self._open_gate(child)
        except OSError:
            child.kill()
            child.wait()
            raise
        finally:
            if child.stdin is not None:
                child.stdin.close()
        return Process(known, pidfd, child)

    def _open_gate(self, child: subprocess.Popen[bytes]) -> None:
        if child.stdin is not None:
            child.stdin.write(b"\n")

    def found(self) -> Process | None:
        """The one that an earlier agent of this container began, if it lives."""
        try:
            known = from_json(Known, self._record.read_bytes())
            fd = os.pidfd_open(known.pid)
        except (OSError, BadInput):
            return None
        if start_time(known.pid) != known.started:
            os.close(fd)
            return None
        return Process(known, fd, None)

    def forget(self) -> None:
        with contextlib.suppress(OSError):
            self._record.unlink(missing_ok=True)

    def bound_log(self, most: int = MOST_LOG_BYTES) -> bool:
        """A log that has grown too long begins anew; its last half lies beside it. Writers append, so none is lost."""
        try:
            if self.log.stat().st_size <= most:
                return False
            with self.log.open("r+b") as file:
                file.seek(-(most // 2), os.SEEK_END)
                kept = file.read(most // 2)
                file.truncate(0)
            scribe.replace(self.log.with_name(f"{self.log.name}.1"), kept)
        except OSError:
            return False  # a full disk, or no log at all: looked at again in a moment
        return True

    def last_words(self, since: int = 0) -> str:
        """The last two lines that it said in this life, bounded, as text."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                begin = max(since if since <= size else 0, size - TAIL_BYTES)
                file.seek(begin)
                tail = file.read(TAIL_BYTES)
        except OSError:
            return ""
        lines = [line for line in tail.decode("utf-8", "replace").splitlines() if line.strip()]
        words = "; ".join(line.strip() for line in lines[-2:])
        return "".join(c if c.isprintable() else " " for c in words)[-WORDS:]


def ready(fds: list[int], within_s: float) -> set[int]:
    """Those of the descriptors with something to read. By poll, which takes any number."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return {fd for fd, _ in poll.poll(int(within_s * 1000))}


def making(start: Start) -> str:
    """All that a process is begun with, as one word."""
    parts = (*start.argv, str(start.cwd), *(f"{name}={value}" for name, value in sorted(start.env.items())))
    told = b"\0".join(os.fsencode(part) for part in parts)
    return hashlib.sha256(told + b"\0\0" + start.settled).hexdigest()[:16]


def start_time(pid: int) -> int | None:
    """The kernel's, in ticks; None when there is no such process, or only its zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - the kernel's file
            fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in {b"Z", b"X"} else int(fields[19])


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
