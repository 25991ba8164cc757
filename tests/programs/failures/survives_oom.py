"""Runs out of GPU memory once, goes on with smaller batches, and ends in another way much later."""

import sys
import traceback


class OutOfMemoryError(RuntimeError):
    """As torch's."""


try:
    raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
except RuntimeError:
    traceback.print_exc()
    print("halving the batch", file=sys.stderr)
for step in range(5):
    print(f"step {step} loss {1 / (step + 1):.3f}", file=sys.stderr)
if sys.argv[1:] == ["silently"]:
    sys.exit(3)
raise ValueError("the validation set is empty")
