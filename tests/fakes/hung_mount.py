"""A mount that never answers, as a network volume that hangs: a FUSE file system with nobody behind it. Root only.

Whoever touches it waits until it is taken away, which fails their call, or until they are killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

DETACH = 2
DEVICE = Path("/dev/fuse")
IN_ANOTHER = """
import ctypes, os, sys
pid, folder, options = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
there = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
if libc.setns(there, 0x20000) or libc.mount(b"hung", folder.encode(), b"fuse", 0, options.encode()):
    sys.exit(os.strerror(ctypes.get_errno()))
"""


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


@contextlib.contextmanager
def hung_inside(pid: int, folder: str) -> Iterator[None]:
    """The same in the container of this process, over what is mounted there. The container's end takes it away."""
    device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    try:
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
        argv = [sys.executable, "-I", "-S", "-c", IN_ANOTHER, str(pid), folder, options]
        subprocess.run(argv, check=True, pass_fds=(device,))
        yield
    finally:
        os.close(device)
