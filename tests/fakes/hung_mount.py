"""A mount that never answers, as a network volume that hangs: a FUSE file system with nobody behind it. Root only.

Whoever touches it waits until it is taken away, which fails their call, or until they are killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

DETACH = 2
DEVICE = Path("/dev/fuse")


def is_possible() -> bool:
    """Whether this user may mount one here."""
    return os.geteuid() == 0 and DEVICE.exists()


@contextlib.contextmanager
def hung(folder: Path) -> Iterator[Path]:
    """The folder, hung. Do not look into it from the test itself: it would wait too."""
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    try:
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if libc.mount(b"hung", os.fsencode(folder), b"fuse", 0, options):
            raise OSError(ctypes.get_errno(), "cannot mount a hung file system")
        try:
            yield folder
        finally:
            libc.umount2(os.fsencode(folder), DETACH)
    finally:
        os.close(device)  # ends everybody who waits
