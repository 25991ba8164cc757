"""Writes the two lock files from pyproject.toml: hashes, every platform, no address of an index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {
    "image/agent.lock": ["--extra", "agent"],
    "tests/dev.lock": ["--extra", "agent", "--group", "dev"],
}
COMPILE = ["uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11"]
COMPILE += ["--upgrade", "--quiet", "--generate-hashes"]
COMPILE += ["--no-emit-index-url", "--no-header", "--no-annotate"]


def main() -> None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], cwd=ROOT, check=True)
    for name, wanted in LOCKS.items():
        argv = [sys.executable, "-m", *COMPILE, *wanted, "--output-file", name]
        subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        print(f"wrote {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
