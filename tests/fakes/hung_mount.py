"""A mount that never answers, as a network volume that hangs: a FUSE file system with nobody behind it. Root only.

Whoever touches it waits until it is taken away, which fails their call, or until they are killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

FORCE, DETACH = 1, 2
INIT, IN_HEADER = 26, 40  # of the protocol of FUSE
MOST_REQUEST = 1 << 17
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
def hung(folder: Path, *, takes_asks: bool = False) -> Iterator[Path]:
    """The folder, hung. Do not look into it from the test itself: it would wait too.

    ``takes_asks``: somebody is behind it who takes every ask and answers none, as a server that died in the middle.
    Whoever asked can then not even be killed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    try:
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if libc.mount(b"hung", os.fsencode(folder), b"fuse", 0, options):
            raise OSError(ctypes.get_errno(), "cannot mount a hung file system")
        if takes_asks:
            threading.Thread(target=_take, args=(device,), daemon=True).start()
        try:
            yield folder
        finally:
            libc.umount2(os.fsencode(folder), FORCE | DETACH)  # ends also those who cannot be killed
    finally:
        os.close(device)  # ends everybody who waits


def _take(device: int) -> None:
    """Greet, then take what comes."""
    while True:
        try:
            asked = os.read(device, MOST_REQUEST)
        except OSError:
            return  # it was taken away
        _, opcode, unique = struct.unpack_from("=IIQ", asked)
        if opcode == INIT:
            major, minor = struct.unpack_from("=II", asked, IN_HEADER)
            body = struct.pack("=IIIIHHIIHHI28x", major, min(minor, 31), 0, 0, 0, 0, 4096, 1, 1, 0, 0)
            os.write(device, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)


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
