"""Writes what the log benches measure. ``lines FILE N PER_SECOND``: a moment per line; ``blocks FILE MEGABYTES``.

FILE - is stdout.
"""

from __future__ import annotations

import os
import sys
import time


def lines(fd: int, count: int, per_second: float) -> None:
    begin = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begin + number / per_second - time.monotonic()))
        os.write(fd, b"%d\n" % time.monotonic_ns())


def blocks(fd: int, megabytes: int) -> None:
    """Lines of a log, the same every time, in writes of a megabyte."""
    line = b"step %07d loss 2.71828 lr 3.0e-04 grad_norm 1.4142 tokens/s 123456 eta 0:12:34\n"
    block = b"".join(line % number for number in range(13_000))[: 1_000_000 - 1] + b"\n"
    for _ in range(megabytes):
        os.write(fd, block)


def main(kind: str, file: str, *numbers: str) -> None:
    fd = 1 if file == "-" else os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if kind == "lines":
        lines(fd, int(numbers[0]), float(numbers[1]))
    else:
        blocks(fd, int(numbers[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
