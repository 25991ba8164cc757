"""Learns to read handwritten digits: a small network in plain numpy, saved every few steps, resumable.

An ordinary training script. It knows nothing of podkeep, and runs the same on a laptop.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

SIZES = (64, 96, 10)
BATCH = 64
RATE = 3e-3


def data(seed):
    """1,797 real digits of 8 x 8 pixels; a fifth is held out and never trained on."""
    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    pixels, labels = (digits.data / 16.0 - 0.3)[order], digits.target[order]
    held_out = len(labels) // 5
    return (pixels[held_out:], labels[held_out:]), (pixels[:held_out], labels[:held_out])


def fresh(seed):
    """Random weights, and Adam's two memories of each."""
    rng = np.random.default_rng(seed)
    state = {"step": 0}
    for layer, (inside, outside) in enumerate(itertools.pairwise(SIZES)):
        state[f"w{layer}"] = rng.normal(0, np.sqrt(2 / inside), (inside, outside))
        state[f"b{layer}"] = np.zeros(outside)
    for name in [name for name in state if name != "step"]:
        state[f"m_{name}"] = np.zeros_like(state[name])
        state[f"v_{name}"] = np.zeros_like(state[name])
    return state


def forward(state, pixels):
    hidden = np.maximum(pixels @ state["w0"] + state["b0"], 0)
    scores = hidden @ state["w1"] + state["b1"]
    return hidden, scores - scores.max(axis=1, keepdims=True)


def train_step(state, pixels, labels):
    """One step of Adam. Returns the loss."""
    hidden, scores = forward(state, pixels)
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(chances[rows, labels] + 1e-12).mean()
    chances[rows, labels] -= 1
    slope = chances / len(labels)
    below = (slope @ state["w1"].T) * (hidden > 0)
    slopes = {"w1": hidden.T @ slope, "b1": slope.sum(0), "w0": pixels.T @ below, "b0": below.sum(0)}
    state["step"] += 1
    for name, value in slopes.items():
        state[f"m_{name}"] = 0.9 * state[f"m_{name}"] + 0.1 * value
        state[f"v_{name}"] = 0.999 * state[f"v_{name}"] + 0.001 * value**2
        mean = state[f"m_{name}"] / (1 - 0.9 ** state["step"])
        spread = state[f"v_{name}"] / (1 - 0.999 ** state["step"])
        state[name] = state[name] - RATE * mean / (np.sqrt(spread) + 1e-8)
    return float(loss)


def batch_at(step, count, seed):
    """The rows of a step: the same ones whenever the step is done, also after a resume."""
    per_epoch = count // BATCH
    order = np.random.default_rng([seed, step // per_epoch]).permutation(count)
    begin = step % per_epoch * BATCH
    return order[begin : begin + BATCH]


def load(path):
    with np.load(path) as file:
        return {name: int(file[name]) if name == "step" else file[name] for name in file.files}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--save-every", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("checkpoints"))
    parser.add_argument("--resume", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--pace", type=float, default=0.015, help="seconds per step, as larger models have")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    (pixels, labels), held_out = data(args.seed)
    state = load(args.resume) if args.resume else fresh(args.seed)
    print(f"resumed at step {state['step']}" if args.resume else "starting at step 0")
    args.out.mkdir(parents=True, exist_ok=True)
    while state["step"] < args.steps:
        began = time.monotonic()
        rows = batch_at(state["step"], len(labels), args.seed)
        loss = train_step(state, pixels[rows], labels[rows])
        step = state["step"]
        if step % 25 == 0:
            print(f"step {step}/{args.steps} loss {loss:.4f}")
        if step % args.save_every == 0:
            np.savez(args.out / f"checkpoint-{step}.npz", **state)
        time.sleep(max(0.0, args.pace - (time.monotonic() - began)))
    _, scores = forward(state, held_out[0])
    print(f"held-out accuracy: {(scores.argmax(axis=1) == held_out[1]).mean():.3f}")


if __name__ == "__main__":
    main()
