"""Writes one line that does not end: so many bytes, or for ever."""

import os
import sys

left = int(sys.argv[1]) if len(sys.argv) > 1 else -1
block = b"x" * 65536
while left:
    count = os.write(1, block if left < 0 else block[: min(left, len(block))])
    left -= count if left > 0 else 0
