"""What the benches share: programs that are ended for sure, a cleaned environment, one JSON line per figure."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

RUNS = 5
VOLUME_BPS = 300_000_000  # RunPod's network volumes read at 200 to 400 MB/s
VOLUME = ", from a 300 MB/s volume"  # behind a name: with the disk's reads braked to that


def environment() -> dict[str, str]:
    """Ours, without what changes how Python behaves."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@contextlib.contextmanager
def program(argv: Sequence[str], **more) -> Iterator[subprocess.Popen[bytes]]:
    """Start it; end it, whatever happens."""
    running = subprocess.Popen(list(argv), env=environment(), **more)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.terminate()
            try:
                running.wait(5)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
        for stream in (running.stdin, running.stdout, running.stderr):
            if stream is not None:
                stream.close()


def python(script: object, *arguments: object) -> list[str]:
    return [sys.executable, *map(str, (script, *arguments))]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def wait_until(what: str, look: Callable[[], bool], within_s: float = 20.0) -> None:
    until = time.monotonic() + within_s
    while not look():
        if time.monotonic() > until:
            raise SystemExit(f"after {within_s:g} s still not: {what}")
        time.sleep(0.02)


def say(bench: str, who: str, **figures: object) -> None:
    print(json.dumps({"bench": bench, "who": who, **figures}), flush=True)


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
