"""Fills the disk that it stands on, then has much to say."""

import errno
import sys

said = int(sys.argv[1]) if len(sys.argv) > 1 else 4 << 20
with open("filler", "wb", buffering=0) as filler:
    size = 1 << 20
    while size:
        try:
            filler.write(b"f" * size)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            size //= 2
print("full", flush=True)
line = "0123456789" * 10
for number in range(said // 120):
    print(f"{number:018d} {line}")
print("done")
