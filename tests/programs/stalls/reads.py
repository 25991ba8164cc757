"""Says one line, then reads a file, which may lie on a mount that never answers."""

from __future__ import annotations

import sys


def main() -> None:
    print("reading", flush=True)
    with open(sys.argv[1], "rb") as file:
        print(f"{len(file.read())} bytes")


if __name__ == "__main__":
    main()
