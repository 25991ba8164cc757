"""Asked to end, it takes its time to save, then ends well."""

import os
import signal
import sys
import time
from pathlib import Path


def save(number: int, _frame: object) -> None:
    print(f"{signal.Signals(number).name} {time.monotonic_ns()}", flush=True)
    time.sleep(float(sys.argv[1]))
    Path("saved").write_text(str(os.getpid()))
    sys.exit(0)


for name in sys.argv[2:]:
    signal.signal(getattr(signal, name), save)
print("ready", flush=True)
while True:
    time.sleep(60)
