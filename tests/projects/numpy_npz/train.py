"""Softmax regression with momentum in plain numpy, saved as .npz."""

import argparse
import time
from pathlib import Path

import numpy as np
from steplines import line


def make_data(seed=3):
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 2, (6, 16))
    labels = rng.integers(0, 6, 2000)
    return centers[labels] + rng.normal(0, 1.5, (2000, 16)), labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--save-every", type=int, default=50)
    parser.add_argument("--pace", type=float, default=0.0, help="seconds a step takes at least")
    parser.add_argument("--resume", type=Path)
    args = parser.parse_args()

    x, y = make_data()
    weights, speed, start = np.zeros((16, 6)), np.zeros((16, 6)), 0
    if args.resume:
        with np.load(args.resume) as saved:
            weights, speed, start = saved["weights"], saved["speed"], int(saved["step"])
        print(f"resuming at step {start}")

    out = Path("checkpoints")
    out.mkdir(exist_ok=True)
    for step in range(start + 1, args.steps + 1):
        rows = np.random.default_rng([7, step]).integers(0, len(y), 64)
        scores = x[rows] @ weights
        chances = np.exp(scores - scores.max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
        loss = -np.log(chances[np.arange(64), y[rows]]).mean()
        chances[np.arange(64), y[rows]] -= 1
        speed = 0.9 * speed - 0.05 * x[rows].T @ chances / 64
        weights = weights + speed
        print(line(step, loss))
        if step % args.save_every == 0:
            np.savez(out / f"step_{step:05d}.npz", weights=weights, speed=speed, step=step)
        time.sleep(args.pace)
    np.savez("final.npz", weights=weights)


if __name__ == "__main__":
    main()
