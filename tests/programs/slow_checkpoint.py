"""Writes its checkpoint piece by piece, over so many seconds, to its final name."""

import sys
import time
from pathlib import Path

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
path = Path(sys.argv[2] if len(sys.argv) > 2 else "checkpoint.bin")
with path.open("wb") as file:
    for part in range(20):
        file.write(bytes([part]) * 4096)
        file.flush()
        time.sleep(seconds / 20)
print(f"saved {path}")
