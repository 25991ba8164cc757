"""Meets a quota of the kernel's: of keys, as a quota of a volume takes a file system that few machines have.

Where keys are forbidden too, as in many containers, it raises the same error by itself.
"""

import ctypes
import errno
import os

ADD_KEY, MINE = {"x86_64": 248, "aarch64": 217}[os.uname().machine], -2
libc = ctypes.CDLL(None, use_errno=True)
for number in range(4000):
    name, data = f"podkeep-{number}".encode(), bytes(20000)
    if libc.syscall(ADD_KEY, b"user", name, data, ctypes.c_size_t(len(data)), MINE) < 0:
        break
print("the kernel said:", os.strerror(ctypes.get_errno()))
raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "checkpoint.bin")
