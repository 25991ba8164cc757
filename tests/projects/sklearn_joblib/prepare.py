"""Splits scikit-learn's bundled digits once, into data/."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

digits = load_digits()
order = np.random.default_rng(0).permutation(len(digits.target))
Path("data").mkdir(exist_ok=True)
np.save("data/x.npy", (digits.data / 16)[order])
np.save("data/y.npy", digits.target[order])
print(f"{len(order)} digits")
