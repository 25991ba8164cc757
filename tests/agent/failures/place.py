"""Runs a program to its failure as the keeper would, and gathers the evidence. Also the small places it fails in.

Not here: which program fails how (cases.py, torch_cases.py).
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from pod_agent.run import exit_record
from pod_agent.run.failures.evidence import TAIL_BYTES, Evidence

PROGRAMS = Path(__file__).parents[2] / "programs" / "failures"
SHELL = ["bash", "-c", 'ulimit -c 0; exec bash -o pipefail -c "$0"']
MOUNTS = {  # what {disk} is, in a mount namespace of the program's own
    "small disk": "size=2m",
    "few files": "size=8m,nr_inodes=40",
    "read only": "ro,size=1m",
    "shm": "size=1m",
}


def argv_of(place: str, disk: Path) -> list[str]:
    """What a program is begun by, so that it fails there."""
    unshare = ["unshare"] if os.geteuid() == 0 else ["unshare", "-r"]
    if place == "no network":
        return [*unshare, "-n", *SHELL]
    if place in MOUNTS:
        where = Path("/dev/shm") if place == "shm" else disk
        script = f'mount -t tmpfs -o {MOUNTS[place]} none {shlex.quote(str(where))} && exec "$0" "$@"'
        return [*unshare, "-m", "bash", "-c", script, *SHELL]
    return SHELL


def fail(command: str, folder: Path, place: str = "", within_s: float = 50.0, **env: str) -> Evidence:
    """Run it as a job: its end and all that it said."""
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    text = command.replace("{p}", str(PROGRAMS)).replace("{disk}", str(disk))
    known = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **env}
    log = folder / "log"
    with log.open("wb") as out:
        argv = [*argv_of(place, disk), text]
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=known,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            code = process.wait(within_s)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    record = exit_record.ExitRecord()
    exit_record.judge(-code if code < 0 else code << 8, record, spawn_failed=False, oom_killed=False)
    said = log.read_bytes()
    return Evidence(
        record.exit_code, record.signal or None, record.reason, tail=said[-TAIL_BYTES:], saved=False
    )


@contextlib.contextmanager
def oom_kills(group: Path) -> Iterator[list[int]]:
    """How many OOM kills a cgroup has seen in the meantime: filled at the end."""

    def count() -> int:
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(FileNotFoundError):
                told = dict(line.split() for line in (group / name).read_text().splitlines())
                return int(told.get("oom_kill", 0))
        return 0

    before, found = count(), []
    yield found
    found.append(count() - before)
