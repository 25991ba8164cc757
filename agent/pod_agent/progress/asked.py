"""The user's own way to tell progress, POD_PROGRESS: a pattern for lines of the log, or a command that says it.

A text with a named group is a pattern. One that takes more of the CPU than its time is killed and not used again, and
that is said. Not here: parsing what it finds (``fields``).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.progress import fields, recognise
from pod_agent.progress.lines import Line
from pod_agent.progress.reading import Reading, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = Path(__file__).with_name("pattern_program.py")
TIME_S = 1.0  # of the CPU, for one look's lines
LATE_S = 6.0  # by the clock, also until a Python has started: then the machine is busy, or something hangs
MOST_FAILED = 3
LONGEST = 1000  # characters of a line that the pattern sees
COMMAND_S = 10.0  # a command may take so long
EVERY_S = 30.0
RARELY_S = 300.0  # one that says nothing
MOST_DOUBLED = 5
MOST_SAID = 64 << 10


def is_pattern(text: str) -> bool:
    """Whether it is a pattern, and no command."""
    return "(?P<" in text


class Pattern:
    """One pattern in its own process, which is begun when first needed.

    One that takes too much of the CPU is given up at once; an answer that does not come, after three in a row.
    """

    def __init__(self, pattern: str, time_s: float = TIME_S, late_s: float = LATE_S) -> None:
        self._pattern = pattern
        self._time_s = time_s
        self._late_s = late_s
        self._failed = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.trouble: str | None = None

    def read(self, lines: Sequence[Line]) -> list[Reading | None]:
        """One answer per line; none at all once the pattern has been given up."""
        nothing: list[Reading | None] = [None] * len(lines)
        if self.trouble is not None or not lines:
            return nothing
        try:
            said = self._ask([line.text[:LONGEST] for line in lines])
        except (OSError, ValueError):
            self._fail("its process ended")
            return nothing
        if said is None:
            self._fail(f"no answer within {self._late_s:g} s")
            return nothing
        self._failed = 0
        return [_reading(one) for one in said]

    def close(self) -> None:
        """End its process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            process.wait()

    def _ask(self, texts: list[str]) -> list[object] | None:
        process = self._begin()
        answer = _exchange(process, json.dumps(texts).encode() + b"\n", time.monotonic() + self._late_s)
        if answer is None:
            return None
        found: object = json.loads(answer)
        if not isinstance(found, list) or len(found) != len(texts):
            raise ValueError("another answer")
        return found

    def _begin(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            argv = [sys.executable, "-I", "-S", str(PROGRAM)]
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
            )
            if self._process.stdin is not None:
                os.write(
                    self._process.stdin.fileno(), json.dumps([self._pattern, self._time_s]).encode() + b"\n"
                )
                os.set_blocking(self._process.stdin.fileno(), False)
        return self._process

    def _fail(self, because: str) -> None:
        """Its process goes, and the look's lines with it. The next look begins another one, unless it is given up."""
        process, self._failed = self._process, self._failed + 1
        self.close()
        if process is not None and process.returncode == -signal.SIGPROF:
            because = f"it takes longer than {self._time_s:g} s on the log's lines"
        elif self._failed < MOST_FAILED:
            return
        self.trouble = f"POD_PROGRESS: the pattern is not used any more: {because}"


class Asking:
    """The user's command, run now and then where the training runs; its last line that says something counts.

    One that says nothing yet is asked more rarely: much may come before a first step. One that hangs is given up.
    """

    def __init__(
        self, command: str, folder: Path, env: Mapping[str, str] | None, time_s: float = COMMAND_S
    ) -> None:
        self._time_s = time_s
        self._command = command
        self._folder = folder
        self._env = env
        self._next = self._asked_at = 0.0
        self._silent = 0  # times in a row
        self._late = 0
        self.trouble: str | None = None

    def turn_to(self, folder: Path, env: Mapping[str, str] | None) -> None:
        """Where it runs from now on; what it could not say elsewhere is no longer held against it."""
        if (folder, env) != (self._folder, self._env):
            self._folder, self._env = folder, env
            self._silent = self._late = 0
            self._next = min(self._next, self._asked_at + EVERY_S)

    def look(self, now: float) -> Reading | None:
        """``now`` is of a clock that never jumps."""
        if now < self._next or self._late >= MOST_FAILED:
            return None
        self.trouble, self._asked_at = None, now
        late = self._late
        said = self._run()
        found = None if said is None else _last(said)
        if found is not None or self._late == late:
            self._late = 0
        self._silent = 0 if found is not None else self._silent + 1
        pause_s = min(EVERY_S * 2 ** max(0, min(self._silent, MOST_DOUBLED) - 1), RARELY_S)
        self._next = now + pause_s
        if self._late >= MOST_FAILED:
            self.trouble = f"{self._because()}, {MOST_FAILED} times: it is not asked again"
        elif self._silent >= MOST_FAILED:
            self.trouble = f"{self._because()}, {self._silent} times: it is asked again in {pause_s:g} s"
        return found

    def _because(self) -> str:
        return self.trouble or "POD_PROGRESS: the command said nothing that could be read"

    def _run(self) -> bytes | None:
        try:
            process = subprocess.Popen(
                ["bash", "-c", self._command],
                cwd=self._folder,
                env=None if self._env is None else dict(self._env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self.trouble = f"POD_PROGRESS: cannot run the command: {error.strerror}"
            return None
        try:
            return self._said(process)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _said(self, process: subprocess.Popen[bytes]) -> bytes:
        """Until it has ended, said enough, or taken too long."""
        said, out = b"", process.stdout
        until = time.monotonic() + self._time_s
        while out is not None and len(said) < MOST_SAID:
            left = until - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                self.trouble = f"POD_PROGRESS: the command takes longer than {self._time_s:g} s"
                self._late += 1
                break
            more = os.read(out.fileno(), 1 << 16)
            if not more:
                break
            said += more
        return said


def _exchange(process: subprocess.Popen[bytes], asked: bytes, until: float) -> bytes | None:
    """One line there and one line back; None when the time is up, whoever of both was slow."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("no pipes")
    into, out = process.stdin.fileno(), process.stdout.fileno()
    left, answer = memoryview(asked), b""
    while not answer.endswith(b"\n"):
        waits = max(0.0, until - time.monotonic())
        readable, writable, _ = select.select([out], [into] if left else [], [], waits)
        if not readable and not writable:
            return None
        if writable:
            left = left[os.write(into, left) :]
        if readable:
            more = os.read(out, 1 << 16)
            if not more:
                raise ValueError("ended")
            answer += more
    return answer


def _reading(found: object) -> Reading | None:
    if not isinstance(found, dict):
        return None
    return fields.reading(found.items(), Source.ASKED)


def _last(said: bytes) -> Reading | None:
    for raw in reversed(said.splitlines()[-20:]):
        text = raw[:LONGEST].decode("utf-8", "replace").strip()
        found = recognise.read(Line(text))
        if isinstance(found, Reading):
            return replace(found, source=Source.ASKED, rank=0)
    return None
