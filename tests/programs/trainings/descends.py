"""A real small training: a line is fitted by gradient descent, and each step says where it is, of how many, and its loss.

It can wait at steps for SIGUSR1, so that a test may look at it amid the run however slow the machine is.
"""

from __future__ import annotations

import argparse
import random
import signal
import time


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--pause", type=float, default=0.1)
    parser.add_argument("--wait-at", type=int, nargs="*", default=())
    asked = parser.parse_args()
    dice = random.Random(5)
    points = [(x, 3 * x + 1 + dice.gauss(0, 0.1)) for x in (dice.uniform(-1, 1) for _ in range(64))]
    slope = offset = 0.0
    for step in range(1, asked.steps + 1):
        errors = [(x, slope * x + offset - y) for x, y in points]
        slope -= 0.1 * sum(2 * error * x for x, error in errors) / len(points)
        offset -= 0.1 * sum(2 * error for _, error in errors) / len(points)
        loss = sum(error * error for _, error in errors) / len(points)
        print(f"step {step}/{asked.steps} loss {loss:.4f}")
        if step in asked.wait_at:
            signal.sigwaitinfo({signal.SIGUSR1})
        time.sleep(asked.pause)


if __name__ == "__main__":
    main()
