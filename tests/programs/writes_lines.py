"""Numbered lines over a time, in writes that end anywhere, also amid its secret. The last ones wait for a file."""

import argparse
import os
import random
import time
from pathlib import Path

SLOW_S = 0.01


def lines(count, token, rng):
    for number in range(1, count + 1):
        secret = b" with " + token if rng.random() < 0.01 else b""
        yield number, b"line %d of %d%s says nothing of interest\n" % (number, count, secret)


def write(data, token, rng):
    """All of it; where the secret is in it, some of it first and the rest a moment later."""
    at = data.find(token)
    if at >= 0 and rng.random() < 0.5:
        cut = at + rng.randrange(1, len(token))
        os.write(1, data[:cut])
        time.sleep(0.002)
        data = data[cut:]
    while data:
        data = data[os.write(1, data) :]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--until", type=Path, required=True)
    parser.add_argument(
        "--held-back", type=int, default=0, help="so many are written slowly until it is there"
    )
    asked = parser.parse_args()
    token = os.environ["HF_TOKEN"].encode()
    rng = random.Random(1)
    slow_from = asked.lines - asked.held_back
    per_line = asked.seconds / slow_from
    began, buffer, wanted = time.monotonic(), b"", 0
    for number, line in lines(asked.lines, token, rng):
        slow = number > slow_from and not asked.until.exists()
        buffer += line
        if len(buffer) < wanted and not slow and number < asked.lines:
            continue
        end = len(buffer) if slow or number == asked.lines else rng.randrange(1, len(buffer) + 1)
        write(buffer[:end], token, rng)
        buffer, wanted = buffer[end:], rng.randrange(1, 2000)
        ahead = began + number * per_line - time.monotonic()
        if slow or ahead > 0:
            time.sleep(SLOW_S if slow else ahead)


if __name__ == "__main__":
    main()
