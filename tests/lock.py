"""Writes the lock files from pyproject.toml: hashes, every platform, no address of an index."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {
    "image/agent.lock": ["pyproject.toml", "--extra", "agent"],
    "tests/dev.lock": ["pyproject.toml", "--extra", "agent", "--group", "dev"],
    "image/wheel.lock": [
        "-",
        "--constraints",
        "tests/dev.lock",
    ],  # what builds our wheel, as tests install it
}
COMPILE = ["uv", "pip", "compile", "--universal", "--python-version", "3.11"]
COMPILE += ["--upgrade", "--quiet", "--generate-hashes"]
COMPILE += ["--no-emit-index-url", "--no-header", "--no-annotate"]


def main() -> None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], cwd=ROOT, check=True)
    builds = "\n".join(tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"])
    for name, wanted in LOCKS.items():
        argv = [sys.executable, "-m", *COMPILE, *wanted, "--output-file", name]
        subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, input=builds, text=True)
        print(f"wrote {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
