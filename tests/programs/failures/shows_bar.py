"""A progress bar that returns to the line's beginning, then an error on the same line, then the bar once more."""

import sys

for number in range(0, 41):
    sys.stderr.write(
        f"\r{number:3d}%|{'#' * (number // 10):<10}| {number}/100 [00:01<00:02, 40.00it/s, loss=0.5]"
    )
try:
    raise KeyError("attention_mask")
finally:
    sys.stderr.flush()
    import atexit

    atexit.register(
        lambda: sys.stderr.write("\r 40%|####      | 40/100 [00:02<00:03, 20.00it/s, loss=0.5]\n")
    )
