"""Trains a little and saves, then waits for itself for ever: two threads that each hold what the other one needs.

Resumed it does so again, and saves nothing more; with ``--until N`` not where it began at step N or later. Standard
library only.
"""

from __future__ import annotations

import argparse
import pickle
import threading
from pathlib import Path


def save(step: int) -> None:
    folder = Path("checkpoints")
    folder.mkdir(exist_ok=True)
    half = folder / "half.tmp"
    half.write_bytes(pickle.dumps({"step": step}))
    half.replace(folder / f"step-{step:04d}.pkl")


def takes_both(mine: threading.Lock, other: threading.Lock, both_hold: threading.Barrier) -> None:
    with mine:
        both_hold.wait()
        with other:
            print("never said")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--until", type=int, default=1 << 30)
    asked = parser.parse_args()
    step = pickle.loads(asked.resume.read_bytes())["step"] if asked.resume else 0
    print(f"starting at step {step}", flush=True)
    hangs = step < asked.until
    for _ in range(3):
        step += 1
        print(f"step {step}", flush=True)
    if not (asked.resume and hangs):
        save(step)
    if hangs:
        first, second, both = threading.Lock(), threading.Lock(), threading.Barrier(2)
        threading.Thread(target=takes_both, args=(first, second, both), daemon=True).start()
        takes_both(second, first, both)
    print(f"done at step {step}")


if __name__ == "__main__":
    main()
