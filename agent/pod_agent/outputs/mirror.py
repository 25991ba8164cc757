"""The masked log once more on the container's stdout, for RunPod's own log tab: at most 1 MB/s, gaps noted.

What is skipped here is not lost: the log's file has it. Not here: reading and masking (masked.py).
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from pod_wire.clock import until_beat

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.outputs.masked import MaskedLog
    from pod_wire.clock import Clock

RATE = 1_000_000  # bytes per second
COALESCE_S = 2.0  # one write for everything that came meanwhile
CATCH_UP_S = 1.0  # where the rate holds something back: as long as what may be written at once lasts
AFTER_S = 0.04  # the beat
BACKLOG_S = 4.0  # further behind than this, the middle is skipped
KEEP_S = 0.5  # of the newest is shown after a gap


class Mirror:
    """Copies from ``start`` on (None: what comes after it). ``write`` may block: only its thread waits."""

    def __init__(
        self,
        log: MaskedLog,
        write: Callable[[bytes], None],
        clock: Clock,
        start: int | None = None,
        rate: int = RATE,
    ) -> None:
        self._log = log
        self._write = write
        self._clock = clock
        self._rate = rate
        self._position = start
        self._allowance = float(rate)
        self._last = clock.monotonic()
        self._at_line_start = True
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Copy what is left as far as the rate allows, then end."""
        self._over.set()
        self._thread.join(timeout_s)

    def step(self) -> int:
        """Copy what the rate allows now; how many bytes of the log are still to come."""
        now = self._clock.monotonic()
        self._allowance = min(float(self._rate), self._allowance + (now - self._last) * self._rate)
        self._last = now
        with self._log.view() as view:
            end = view.end()
            position = end if self._position is None else min(self._position, end)
            if end - position > BACKLOG_S * self._rate:
                newest = end - int(KEEP_S * self._rate)
                newest += view.read(newest, 4096).find(b"\n") + 1
                self._note_gap(position, newest)
                position = newest
            data = view.read(position, int(self._allowance))
        if data:
            self._write(data)
            self._at_line_start = data.endswith(b"\n")
            self._allowance -= len(data)
        self._position = position + len(data)
        return end - self._position

    def _note_gap(self, start: int, stop: int) -> None:
        begin = "" if self._at_line_start else "\n"
        left_out = f"{stop - start} bytes left out here (offsets {start} to {stop})"
        text = f"podkeep: {left_out}; pod-client logs shows them\n"
        self._write((begin + text).encode())
        self._at_line_start = True

    def _run(self) -> None:
        while not self._over.is_set():
            self._step_or_stay()
            self._over.wait(until_beat(self._clock.monotonic(), COALESCE_S, AFTER_S))
        self._step_or_stay()

    def _step_or_stay(self) -> None:
        """A log that cannot be read now, or a stdout that is closed, is tried again at the next look."""
        try:
            self._step_all()
        except OSError:
            return

    def _step_all(self) -> None:
        while self.step() and not self._over.is_set():
            self._over.wait(CATCH_UP_S)


def to_stdout(data: bytes) -> None:
    """All of it, past Python's own buffer."""
    left = memoryview(data)
    while left:
        left = left[os.write(1, left) :]
