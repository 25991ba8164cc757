"""The process table read from /proc, cheaply: a line of each process, and what those of others write.

What cannot be read of a process is None, never 0. Not here: whose a process is (``whose``).
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import kernel_files
from pod_agent.pod.idle import whose
from pod_agent.pod.idle.raw import Process
from pod_agent.pod.idle.signs import Gap, State
from pod_agent.pod.idle.whose import Whose

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.pod.idle.raw import Roles

LEAST_FIELDS = 20
MOST_BYTES = 4096
UNREADABLE = Gap(State.UNKNOWN, "The process table cannot be read.")


def read(proc: Path, roles: Roles) -> tuple[Process, ...] | Gap:
    """All that live. A zombie has used what it used, and is gone."""
    try:
        names = [name for name in os.listdir(proc) if name.isdigit()]  # noqa: PTH208 - names are all we need
    except OSError:
        return UNREADABLE
    root = str(proc)
    table = [one for name in names if (one := _stat(root, int(name))) is not None]
    owners = whose.sort(table, roles)
    theirs = {Whose.JOB, Whose.PEOPLE}
    return tuple(_with_writes(root, one) if owners[one.pid] in theirs else one for one in table)


def _stat(root: str, pid: int) -> Process | None:
    """See proc(5). The name may hold anything, also brackets and spaces."""
    data = _bytes(f"{root}/{pid}/stat")
    begin, end = data.find(b"("), data.rfind(b") ")
    fields = data[end + 2 :].split()
    if begin < 0 or end < begin or len(fields) < LEAST_FIELDS or fields[0] in b"ZXx":
        return None
    try:
        return Process(
            pid=pid,
            parent=int(fields[1]),
            name=_printable(data[begin + 1 : end].decode("utf-8", "replace")),
            started=int(fields[19]),
            ticks=int(fields[11]) + int(fields[12]),
            reaped=int(fields[13]) + int(fields[14]),
        )
    except ValueError:
        return None


def _printable(name: str) -> str:
    return name if name.isprintable() else "".join(c if c.isprintable() else "?" for c in name)


def _with_writes(root: str, process: Process) -> Process:
    """Of another user's program the kernel may not tell."""
    found: dict[bytes, int] = {}
    for line in _bytes(f"{root}/{process.pid}/io").split(b"\n"):
        name, _, value = line.partition(b": ")
        if value.isdigit():
            found[name] = int(value)
    return replace(process, stored=found.get(b"write_bytes"), written=found.get(b"wchar"))


def _bytes(path: str) -> bytes:
    return kernel_files.read(path, MOST_BYTES) or b""
