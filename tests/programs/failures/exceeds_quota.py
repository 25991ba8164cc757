"""Writes as another user, who has a quota there."""

import os
import sys

os.setgid(65534)
os.setuid(65534)
with open(sys.argv[1] + "/checkpoint.bin", "wb", buffering=0) as file:
    for _ in range(64):
        file.write(bytes(1 << 20))
