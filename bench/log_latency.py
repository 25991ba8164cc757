"""From a line written to the log until the follower's stdout has it: 100 lines a second, loopback.

``python bench/log_latency.py [LINES]``. Ours and the rivals in one run; medians of five; milliseconds.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import log_rivals
from measured import RUNS, median, program, python, quantile, say

if TYPE_CHECKING:
    import subprocess

PER_SECOND = 100
WRITER = log_rivals.HERE / "log_writer.py"


def spans(running: subprocess.Popen[bytes], count: int) -> list[float]:
    """Milliseconds for each line that arrives."""
    found: list[float] = []
    rest = b""
    until = time.monotonic() + count / PER_SECOND + 20
    while len(found) < count and time.monotonic() < until:
        data = os.read(running.stdout.fileno(), 65536)
        now = time.monotonic_ns()
        if not data:
            break
        *whole, rest = (rest + data).split(b"\n")
        found += [(now - int(line)) / 1e6 for line in whole if line.isdigit()]
    return found


def once(who: str, count: int) -> list[float]:
    """One run; the first tenth is warm-up."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "job" / "log"
        file.parent.mkdir()
        write_here = python(WRITER, "lines", "-", count, PER_SECOND)
        write_there = python(WRITER, "lines", file, count, PER_SECOND)
        match who:
            case "podkeep":
                with log_rivals.ours(file) as running, program(write_there):
                    found = spans(running, count)
            case "podkeep, 4 secrets":
                with log_rivals.ours(file, log_rivals.SECRETS) as running, program(write_there):
                    found = spans(running, count)
            case "ssh tail -f":
                with log_rivals.ssh_tail(file) as running, program(write_there):
                    found = spans(running, count)
            case "supervisor":
                with log_rivals.supervisor(folder, write_here) as running:
                    found = spans(running, count)
            case _:
                with log_rivals.docker(folder, write_here) as running:
                    found = spans(running, count)
    if len(found) != count:
        raise SystemExit(f"{who}: {len(found)} of {count} lines arrived")
    return found[count // 10 :]


def main(count: int = 600) -> None:
    for who in ("podkeep", "podkeep, 4 secrets", "ssh tail -f", "supervisor", "docker logs -f"):
        if who in {"ssh tail -f", "supervisor", "docker logs -f"} and (reason := log_rivals.lacking(who)):
            say("log_latency", who, skipped=reason)
            continue
        runs = [once(who, count) for _ in range(RUNS)]
        p50 = [quantile(run, 0.5) for run in runs]
        p99 = [quantile(run, 0.99) for run in runs]
        say(
            "log_latency",
            who,
            p50_ms=round(median(p50), 3),
            p99_ms=round(median(p99), 3),
            lines=count,
            runs=RUNS,
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
