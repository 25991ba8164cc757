"""How long ``pod-client --help`` takes beside ``python -c pass``, which is the floor under any program in Python.

``python bench/help_time.py [TIMES]``. Medians of five rounds; in each the two take turns.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from measured import RUNS, environment, median, say

PROGRAMS = {
    "podkeep": [str(Path(sys.executable).with_name("pod-client")), "--help"],
    "python -c pass": [sys.executable, "-c", "pass"],
}


def seconds(argv: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(argv, env=environment(), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def main(times: int = 10) -> None:
    rounds: dict[str, list[float]] = {who: [] for who in PROGRAMS}
    for _ in range(RUNS):
        turns = [{who: seconds(argv) for who, argv in PROGRAMS.items()} for _ in range(times)]
        for who, taken in rounds.items():
            taken.append(median([turn[who] for turn in turns]))
    for who, taken in rounds.items():
        say("help_time", who, seconds=round(median(taken), 3), runs=[round(one, 3) for one in taken])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
