"""The agent's own lines on stderr, written by a thread of their own: a container log that takes nothing holds nobody.

The loop, its brakes and the self-stop say what they do; whoever reads stderr may have stopped reading. What does not
fit is left out, and counted. Not here: what is said, and masking (``__main__``).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_LINES = 1000
LAST_WORDS_S = 0.5


class Voice(logging.Handler):
    """``write`` may block; ``emit`` never does."""

    def __init__(self, write: Callable[[bytes], None], most: int = MOST_LINES) -> None:
        super().__init__()
        self._write = write
        self._lines: queue.Queue[bytes] = queue.Queue(most)
        self._left_out = 0
        threading.Thread(target=self._speak, name="voice", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{self.format(record)}\n"
            if self._left_out and not self._lines.full():
                line = f"podkeep left_out={self._left_out} lines\n{line}"
                self._left_out = 0
            self._lines.put_nowait(line.encode("utf-8", "replace"))
        except queue.Full:
            self._left_out += 1
        except Exception:  # noqa: BLE001 - as every handler of the standard library
            self.handleError(record)

    def flush(self) -> None:
        """Wait for what is being said, though not for long."""
        until = time.monotonic() + LAST_WORDS_S
        while self._lines.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.005)

    def _speak(self) -> None:
        while True:
            line = self._lines.get()
            try:
                self._write(line)
            except OSError:
                self._left_out += 1  # stderr is closed: nobody to tell
            finally:
                self._lines.task_done()
