"""Lines of ours into the log of an attempt that lives: through its pipe, as the keeper is the log's only writer.

Never waits long: what the log's disk does not take is left out. Not here: what is said.
"""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST_LINE = 2000
PATIENCE_S = 5.0
PAUSE_S = 0.02


def say(fifo: Path, lines: list[str], patience_s: float = PATIENCE_S) -> bool:
    """Whole lines, several at a time; an empty first one ends what the job was saying. False: not all were taken."""
    try:
        fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    until = time.monotonic() + patience_s
    try:
        return all(_write(fd, piece, until) for piece in pieces(lines))
    finally:
        os.close(fd)


def pieces(lines: list[str]) -> list[bytes]:
    """Each is written at once, and not mixed with what the job says."""
    found = [b""]
    for line in lines:
        shown = "".join(c if c.isprintable() else " " for c in line)
        data = f"{shown[:MOST_LINE]}\n".encode("utf-8", "replace")[: select.PIPE_BUF]
        if len(found[-1]) + len(data) > select.PIPE_BUF:
            found.append(b"")
        found[-1] += data
    return found


def _write(fd: int, data: bytes, until: float) -> bool:
    while True:
        try:
            os.write(fd, data)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(PAUSE_S)
        except OSError:
            return False
        else:
            return True
