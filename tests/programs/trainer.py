"""A training in miniature: counts steps, saves every fifth whole, resumes when told to. Standard library only.

It can wait at a step for SIGUSR1, or for a file, so that a test may do its worst amid the run however slow the machine
is, and on request it answers TERM as the polite do: with last words and exit code 0.
"""

from __future__ import annotations

import argparse
import pickle
import signal
import sys
import time
from pathlib import Path


def save(step: int) -> None:
    folder = Path("checkpoints")
    folder.mkdir(exist_ok=True)
    half = folder / "half.tmp"
    half.write_bytes(pickle.dumps({"step": step, "weights": list(range(step))}))
    half.replace(folder / f"step-{step:04d}.pkl")


def is_first(step: int) -> bool:
    """Whether no attempt has waited here. The mark is there before the step is told: it may be killed at once then."""
    mark = Path(f"waited-{step}")
    found = mark.exists()
    mark.touch()
    return not found


def wait_until(there: Path) -> None:
    """Wait here for a file, in every attempt that passes here."""
    while not there.exists():
        time.sleep(0.05)


def leave(*_: object) -> None:
    print("asked to end: these are the last words")
    sys.exit(0)


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--pause", type=float, default=0.05)
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--wait-at", type=int, nargs="*", default=())
    parser.add_argument("--until", type=Path, help="what to wait for at these steps, instead of SIGUSR1")
    parser.add_argument("--last-words", action="store_true")
    asked = parser.parse_args()
    if asked.last_words:
        signal.signal(signal.SIGTERM, leave)
    step = pickle.loads(asked.resume.read_bytes())["step"] if asked.resume else 0
    print(f"starting at step {step}")
    while step < asked.steps:
        step += 1
        time.sleep(asked.pause)
        waits = step in asked.wait_at and (asked.until or is_first(step))
        print(f"step {step}")
        if step % 5 == 0:
            save(step)
        if waits and asked.until:
            wait_until(asked.until)
        elif waits:
            signal.sigwaitinfo({signal.SIGUSR1})  # unlike sigwait it lets TERM be handled
    print(f"done at step {step}")


if __name__ == "__main__":
    main()
