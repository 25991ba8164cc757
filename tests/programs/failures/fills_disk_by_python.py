"""Saves until there is no room."""

import sys

with open(sys.argv[1] + "/checkpoint.bin", "wb", buffering=0) as file:
    while True:
        file.write(bytes(1 << 20))
