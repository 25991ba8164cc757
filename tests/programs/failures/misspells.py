"""A name that exists nowhere, met after a while."""

import time

for step in range(3):
    print(f"step {step} loss {1 / (step + 1):.3f}", flush=True)
    time.sleep(0.01)
evaluate(model)
