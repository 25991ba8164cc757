"""The signals that end us, told from a thread that waits for nothing else.

A handler of Python's runs in the main thread only, and one that comes just before that thread waits for its mailbox is
heard when the wait is over: a minute later, where a pod that is stopped has five seconds. So the kernel's own handler
writes a byte, and whoever reads it tells.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def hear(numbers: Iterable[int], tell: Callable[[], None]) -> None:
    """From now on each of these signals is told, once each time. Called by the main thread."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    threading.Thread(target=lambda: _listen(reader, tell), name="signals", daemon=True).start()


def _listen(reader: int, tell: Callable[[], None]) -> None:
    while os.read(reader, 1):
        tell()
