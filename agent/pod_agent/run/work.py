"""What the steps before the training share: a line into the log, a program run, a cancel, a silence noticed.

Not the training itself: that belongs to the keeper. What runs here dies with the agent.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run.program import STEP, Life, Pumps, end, life_of, spawn
from pod_wire.errors import PodError
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pod_wire.clock import Clock


TAIL = 64 << 10  # bytes kept of a program's output when it goes into the log
MOST = 16 << 20  # bytes kept of an output that is captured
BEAT_S = 0.25  # how soon a cancel is noticed while a program is quiet
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

    def __init__(
        self,
        write: Callable[[bytes], None],
        clock: Clock,
        silence_s: float = 1800.0,
        doing: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        self._write = write
        self.doing = doing  # what a long step is at, for the status; None takes it back
        self._clock = clock
        self._silence_s = silence_s
        self._cancelled = threading.Event()
        self._alive_at = clock.monotonic()

    def say(self, line: str) -> None:
        """One line of the agent's own into the job's log. A step that was given up writes no more: a keeper may."""
        self.beat()
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
        hear: Callable[[bytes], None] | None = None,
    ) -> Finished:
        """Run a program to its end in its own session.

        Its output goes into the log as it comes, and its tail is returned. ``quiet`` keeps it out of the log;
        ``capture`` does too, and returns what went to stdout and stderr apart and whole. ``hear`` gets what goes into
        the log, and nothing several times a second, so that it may notice silence.
        """
        self.beat()
        mark = os.urandom(8).hex()
        try:
            process = spawn(argv, cwd, {**env, STEP: mark}, apart=capture)
        except OSError as error:
            raise StepFailed(
                f"cannot run {argv[0]} in {cwd}: {error.strerror}", f"use an image that has {argv[0]}"
            ) from error
        write = self._write if hear is None else lambda data: (self._write(data), hear(data))[0]
        pumps = Pumps(process, None if capture or quiet else write, MOST if capture else TAIL)
        try:
            self._follow(process, pumps, argv, hear)
        except BaseException:
            end(process.pid, process, mark)  # what ended well may leave a daemon for the training
            raise
        finally:
            end(process.pid, process)
            pumps.close()
        return Finished(process.returncode, pumps.output(), pumps.errors())

    def _follow(
        self,
        process: subprocess.Popen[bytes],
        pumps: Pumps,
        argv: Sequence[str],
        hear: Callable[[bytes], None] | None,
    ) -> None:
        seen = Life(0, 0, 0)
        while True:
            open_still = pumps.turn(BEAT_S)
            if hear is not None:
                hear(b"")
            if self._cancelled.is_set():
                raise StepCancelled
            if process.poll() is not None:
                pumps.drain()
                return
            if not open_still:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(BEAT_S)
            is_quiet = self.silent_for() > min(QUIET_S, self._silence_s / 4)
            now = Life(pumps.count, *life_of(process.pid)) if is_quiet else seen
            if pumps.count > seen.output or now.is_beyond(seen):
                seen = Life(pumps.count, now.ticks, now.moved)
                self.beat()
            elif self.silent_for() > self._silence_s:
                raise StepFailed(
                    f"cannot finish {Path(argv[0]).name} {' '.join(argv[1:2])}: "
                    f"no output, no CPU and no bytes for {self._silence_s / 60:.0f} minutes",
                    "look at the log's last lines: a server that never answers, or a prompt that waits",
                )
