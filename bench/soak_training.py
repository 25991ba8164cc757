"""The soak's training: logistic regression in plain Python, with what a trainer leaves behind.

``python soak_training.py FOLDER STEPS_PER_SECOND``. A line of JSON for each step, a bar that is drawn again ten times a
second, and each half minute a checkpoint as the Hugging Face Trainer lays it out. It knows nothing of podkeep.
"""

from __future__ import annotations

import json
import math
import random
import struct
import sys
import time
from pathlib import Path

SAMPLES, FEATURES, RATE = 100, 20, 0.05
TOTAL = 1_000_000
SAVE_S, BAR_S = 30.0, 0.1


def data(dice: random.Random) -> list[tuple[list[float], float]]:
    truth = [dice.gauss(0, 1) for _ in range(FEATURES)]
    rows = [[dice.gauss(0, 1) for _ in range(FEATURES)] for _ in range(SAMPLES)]
    return [(row, float(sum(map(float.__mul__, row, truth)) > 0)) for row in rows]


def step(weights: list[float], rows: list[tuple[list[float], float]]) -> float:
    """One step of gradient descent; the loss before it."""
    gradient, loss = [0.0] * FEATURES, 0.0
    for row, label in rows:
        guess = 1 / (1 + math.exp(-sum(map(float.__mul__, row, weights))))
        loss -= math.log(max(1e-9, guess if label else 1 - guess))
        for i, value in enumerate(row):
            gradient[i] += (guess - label) * value
    for i, slope in enumerate(gradient):
        weights[i] -= RATE * slope / SAMPLES
    return loss / SAMPLES


def save(folder: Path, number: int, weights: list[float], history: list[dict[str, float]]) -> None:
    place = folder / f"checkpoint-{number}"
    place.mkdir(parents=True)
    header = json.dumps(
        {"w": {"dtype": "F64", "shape": [FEATURES], "data_offsets": [0, 8 * FEATURES]}}
    ).encode()
    body = struct.pack(f"<{FEATURES}d", *weights)
    (place / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + body)
    state = {"global_step": number, "max_steps": TOTAL, "epoch": number / 1000, "log_history": history}
    (place / "trainer_state.json").write_text(json.dumps(state))


def main(folder: Path, per_second: float) -> None:
    dice = random.Random(7)
    weights, rows = [0.0] * FEATURES, data(dice)
    history: list[dict[str, float]] = []
    began = saved = drawn = time.monotonic()
    for number in range(1, TOTAL):
        loss = step(weights, rows)
        now = time.monotonic()
        said = {"step": number, "loss": round(loss, 5), "learning_rate": RATE, "epoch": number / 1000}
        print(json.dumps(said), flush=True)
        if now - drawn >= BAR_S:
            drawn = now
            rate = number / (now - began)
            left = time.strftime("%H:%M:%S", time.gmtime((TOTAL - number) / rate))
            sys.stderr.write(
                f"\r  0%|          | {number}/{TOTAL} [{now - began:.0f}<{left}, {rate:5.2f}it/s]"
            )
        if now - saved >= SAVE_S:
            saved = now
            history.append(said)
            save(folder, number, weights, history)
        time.sleep(max(0.0, began + number / per_second - time.monotonic()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
