"""The loss is no number, and the program notices."""

import math
import sys

loss = 1e308
for step in range(5):
    loss = loss * 10 - loss * 10 if step > 2 else loss
    print(f"step {step} loss {loss}")
    if math.isnan(loss):
        if sys.argv[1:] == ["quietly"]:
            print(f"Loss is {loss}, stopping training")
            sys.exit(1)
        raise ValueError(f"loss is {loss} at step {step}")
