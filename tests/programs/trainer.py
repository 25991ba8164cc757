"""A training in miniature: counts steps, saves every fifth whole, resumes when told to. Standard library only."""

from __future__ import annotations

import argparse
import pickle
import time
from pathlib import Path


def save(step: int) -> None:
    folder = Path("checkpoints")
    folder.mkdir(exist_ok=True)
    half = folder / "half.tmp"
    half.write_bytes(pickle.dumps({"step": step, "weights": list(range(step))}))
    half.replace(folder / f"step-{step:04d}.pkl")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--pause", type=float, default=0.05)
    parser.add_argument("--resume", type=Path)
    asked = parser.parse_args()
    step = pickle.loads(asked.resume.read_bytes())["step"] if asked.resume else 0
    print(f"starting at step {step}")
    while step < asked.steps:
        step += 1
        time.sleep(asked.pause)
        print(f"step {step}")
        if step % 5 == 0:
            save(step)
    print(f"done at step {step}")


if __name__ == "__main__":
    main()
