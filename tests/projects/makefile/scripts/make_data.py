"""A noisy sine, for want of a better time series."""

import sys

import numpy as np

rng = np.random.default_rng(1)
np.save(sys.argv[1], np.sin(np.arange(4000) / 9) + rng.normal(0, 0.1, 4000))
