"""A small network learns to read scikit-learn's handwritten digits. It knows nothing of pods.

It saves itself every few steps, and `--resume FILE` goes on from there as if nothing had happened.
"""

from __future__ import annotations

import argparse
import os
import pickle
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

BATCH = 96
CLASSES = np.arange(10)


def save(path: Path, step: int, model: MLPClassifier) -> None:
    """Beside it first, then in its place: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    with half.open("wb") as file:
        pickle.dump({"step": step, "model": model}, file)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def load(path: Path) -> tuple[int, MLPClassifier]:
    with path.open("rb") as file:
        kept = pickle.load(file)  # noqa: S301 - our own file
    return kept["step"], kept["model"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000, help="passes over a fifth of the training digits")
    parser.add_argument("--save-every", type=int, default=25, metavar="STEPS")
    parser.add_argument("--out", type=Path, default=Path("checkpoints"), metavar="FOLDER")
    parser.add_argument("--resume", type=Path, metavar="FILE")
    asked = parser.parse_args()

    digits = load_digits()
    data = train_test_split(digits.data / 16.0, digits.target, test_size=360, random_state=7)
    images, held_out_images, labels, held_out_labels = data

    step, model = 0, MLPClassifier((128, 64), learning_rate_init=2e-4, batch_size=BATCH, random_state=7)
    if asked.resume:
        step, model = load(asked.resume)
    print(f"starting at step {step}")

    while step < asked.steps:
        step += 1
        part = slice(step % 5, None, 5)
        model.partial_fit(images[part], labels[part], classes=CLASSES)
        if step % 10 == 0:
            print(f"step {step}/{asked.steps}  loss {model.loss_:.4f}")
        if step % asked.save_every == 0:
            save(asked.out / f"step-{step:05d}.pkl", step, model)

    save(asked.out / f"step-{step:05d}.pkl", step, model)
    print(f"held-out accuracy {model.score(held_out_images, held_out_labels):.4f}")


if __name__ == "__main__":
    main()
