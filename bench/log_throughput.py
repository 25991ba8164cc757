"""How fast a log that is written in blocks comes out of the follower's stdout; sha256 compared afterwards.

``python bench/log_throughput.py [MEGABYTES]``. The reader only stores. Ours and the rivals in one run, medians of five.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import log_rivals
from measured import RUNS, median, program, python, say

F_SETPIPE_SZ = 1031
WRITER = log_rivals.HERE / "log_writer.py"


class Reader:
    """Memory for one whole log, used again for every run so that page faults count for nobody."""

    def __init__(self, size: int) -> None:
        self._memory = bytearray(size)
        self._memory[:] = os.urandom(4096) * (size // 4096) + bytes(size % 4096)
        self.size = size

    def read(self, running: subprocess.Popen[bytes]) -> float:
        """Seconds from the first bytes until all of it is here."""
        fd = running.stdout.fileno()
        fcntl.fcntl(fd, F_SETPIPE_SZ, 1 << 20)
        view = memoryview(self._memory)
        at = os.readv(fd, [view])
        begin = time.monotonic()
        while at < self.size and (came := os.readv(fd, [view[at:]])):
            at += came
        if at < self.size:
            raise SystemExit(f"only {at} of {self.size} bytes arrived")
        return time.monotonic() - begin

    def sha256(self) -> str:
        return hashlib.sha256(self._memory).hexdigest()


def once(who: str, megabytes: int, reader: Reader) -> float:
    """Megabytes per second of one run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "job" / "log"
        file.parent.mkdir()
        write_there = python(WRITER, "blocks", file, megabytes)
        write_here = python(WRITER, "blocks", "-", megabytes)
        match who:
            case "podkeep":
                with log_rivals.ours(file) as running, program(write_there):
                    seconds = reader.read(running)
            case "podkeep, 4 secrets":
                with log_rivals.ours(file, log_rivals.SECRETS) as running, program(write_there):
                    seconds = reader.read(running)
            case "ssh tail -f":
                with log_rivals.ssh_tail(file) as running, program(write_there):
                    seconds = reader.read(running)
            case _:
                with log_rivals.docker(folder, write_here) as running:
                    seconds = reader.read(running)
    return megabytes / seconds


def main(megabytes: int = 500) -> None:
    reader = Reader(megabytes * 1_000_000)
    expected = expected_sha256(megabytes)
    for who in ("podkeep", "podkeep, 4 secrets", "ssh tail -f", "docker logs -f"):
        if not who.startswith("podkeep") and (reason := log_rivals.lacking(who)):
            say("log_throughput", who, skipped=reason)
            continue
        runs = []
        for _ in range(RUNS):
            runs.append(once(who, megabytes, reader))
            if reader.sha256() != expected:
                raise SystemExit(f"{who}: what arrived is not what was written")
        say(
            "log_throughput",
            who,
            mb_per_s=round(median(runs)),
            runs=[round(run) for run in runs],
            sha256="equal",
        )


def expected_sha256(megabytes: int) -> str:
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(python(WRITER, "blocks", file.name, megabytes), check=True)
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
