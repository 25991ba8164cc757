"""The program ``nvml.py watch`` and its two pipes. Nothing here waits longer than it is told to.

A program that hangs in the driver may outlive its kill: it is let go of, and taken when the kernel gives it up.
Not here: what its lines mean (``gpu_lines``), and when it is asked or replaced (``gpu_watch``).
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = Path(__file__).parent.with_name("nvml.py")
PIECE_BYTES = 1 << 16
KILL_S = 2.0
MOST_BYTES = 1 << 20  # of a line; a driver that says more is not listened to


class GpuChild:
    """One life of it. ``is_over``: it has closed its mouth."""

    def __init__(self, python: str, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [python, "-I", str(PROGRAM), "watch"],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("no pipes to the driver's watcher")
        self._ear, self._mouth = self._process.stdin, self._process.stdout
        for end in (self._ear, self._mouth):
            os.set_blocking(end.fileno(), False)
        self._poll = select.poll()
        self._poll.register(self._mouth.fileno(), select.POLLIN)
        self._rest = b""
        self.is_over = False

    def ask(self, count: int) -> None:
        """For so many lines more, the first at once and the others a second apart."""
        self._say(b"\n" + b"next\n" * (count - 1))

    def ask_later(self, count: int) -> None:
        """For so many lines more, all of them a second apart."""
        self._say(b"next\n" * count)

    def _say(self, words: bytes) -> None:
        with contextlib.suppress(OSError):  # it is gone, which its mouth tells
            os.write(self._ear.fileno(), words)

    def lines(self, within_s: float) -> list[bytes]:
        """What it has said; where that is nothing yet, what it says within this time."""
        until = time.monotonic() + within_s
        while b"\n" not in self._rest and not self.is_over:
            left = max(0.0, until - time.monotonic())
            if not self._poll.poll(left * 1000):
                break
            self._hear()
        *whole, self._rest = self._rest.split(b"\n")
        return whole

    def _hear(self) -> None:
        try:
            piece = os.read(self._mouth.fileno(), PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self._rest += piece
        self.is_over = not piece or len(self._rest) > MOST_BYTES

    def end(self) -> None:
        """It is wanted no more. One that hangs in the kernel is not waited for."""
        self._process.kill()
        self._ear.close()
        self._mouth.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_S)

    def is_gone(self) -> bool:
        """Whether the kernel has given it up; to be asked until then."""
        return self._process.poll() is not None
