"""What ends one thread's waiting from another, beside descriptors that it waits for too: an eventfd.

A process that may open nothing more has none: ``fileno()`` is None then, ``wait`` hears the bell all the same, and
whoever waits for something else too must look up from time to time.
"""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def eventfd() -> int | None:
    """None where the process may open nothing more."""
    try:
        return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    except OSError:
        return None


class Bell:
    """Rung by any thread, after it is closed too; the rest is one thread's. ``number`` makes the descriptor."""

    def __init__(self, number: Callable[[], int | None] = eventfd) -> None:
        self._fd = number()
        self._rung = threading.Event()
        self._lock = threading.Lock()  # a number that was closed may be another's by now

    def fileno(self) -> int | None:
        """Readable from the ring on, until it is silenced."""
        return self._fd

    def ring(self) -> None:
        with self._lock:
            self._rung.set()
            if self._fd is not None:
                os.eventfd_write(self._fd, 1)

    def wait(self, timeout_s: float) -> bool:
        """Whether it has rung, since it was silenced last or within this time."""
        if self._fd is None:
            return self._rung.wait(timeout_s)
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.poll(max(0.0, timeout_s) * 1000)
        return self._rung.is_set()

    def silence(self) -> None:
        """What was rung for until now is heard."""
        with self._lock:
            if self._rung.is_set() and self._fd is not None:
                os.eventfd_read(self._fd)
            self._rung.clear()

    def close(self) -> None:
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None
