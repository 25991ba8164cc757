"""Files that the kernel writes anew for each reader, of /proc and /sys: read with three calls, whatever they are.

Hundreds are read at one look, several each second; a file object would cost as much again. Not here: what they say.
"""

from __future__ import annotations

import os


def read(path: str, most: int) -> bytes | None:
    """Up to ``most`` bytes of it; None where it is not there, or tells us nothing."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, most)
    except OSError:
        return None
    finally:
        os.close(fd)
