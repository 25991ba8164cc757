"""Says one line, then burns a core in silence: until a file is there, where one is named, or for ever."""

from __future__ import annotations

import os
import sys


def main() -> None:
    print("spinning", flush=True)
    until = sys.argv[1] if len(sys.argv) > 1 else ""
    while not (until and os.path.exists(until)):
        sum(range(10000))
    print("done")


if __name__ == "__main__":
    main()
