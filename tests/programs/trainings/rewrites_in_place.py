"""A training that goes over one file with each save, as torch.save and Lightning's last.ckpt do. No library.

It tells on stdout when a save begins and when its file is closed, and waits between two for a line on stdin.
"""

from __future__ import annotations

import argparse
import io
import os
import pickle
import sys
import time
import zipfile
from pathlib import Path


def content(step: int, size: int) -> bytes:
    """What torch.save writes: a stored zip that begins with a pickle and ends with its list."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        file.writestr("archive/data.pkl", pickle.dumps({"iter_num": step, "model": {}}, protocol=2))
        file.writestr("archive/data/0", os.urandom(1 << 10) * (size >> 10))
        file.writestr("archive/version", b"3\n")
    return buffer.getvalue()


def save(path: Path, step: int, size: int, pause_s: float) -> None:
    """In place: what was there is gone with the first byte."""
    data = content(step, size)
    print(f"saving {step}", flush=True)
    with path.open("wb") as file:
        for at in range(0, len(data), 1 << 20):
            file.write(data[at : at + (1 << 20)])
            file.flush()
            time.sleep(pause_s)
    print(f"saved {step}", flush=True)


def step_in(path: Path) -> int:
    """The step of a whole file; a half one raises."""
    with zipfile.ZipFile(path) as file:
        return int(pickle.loads(file.read("archive/data.pkl"))["iter_num"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("out/ckpt.pt"))
    parser.add_argument("--mb", type=int, default=10)
    parser.add_argument("--save-s", type=float, default=0.1)
    parser.add_argument("--init-from", default="scratch")
    asked = parser.parse_args()
    asked.out.parent.mkdir(exist_ok=True)
    step = step_in(asked.out) if asked.init_from == "resume" else 0
    print(f"starting at step {step}", flush=True)
    for line in sys.stdin:
        step += 10
        save(asked.out, step, asked.mb << 20, asked.save_s / asked.mb)
        del line


if __name__ == "__main__":
    main()
