"""The processes of a job as the kernel tells them, and the files that they hold open. Never waits on any disk.

What cannot be read of a process is None or left out. Not here: what follows from it (``measure``).
"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

from pod_agent.pod.stall.raw import Task
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAST_FIELDS = 20
MOST_FILES = 4000  # open ones, of all processes
# Trackers write how the machine does into these, however dead the training is.
TRACKERS = frozenset({"wandb", "mlruns", ".neptune", ".cometml-runs", ".aim"})
TRACKING = ("wandb-", "gpu_stats", "nvidia-smi", "dcgmi")  # beginnings of names
NO_DISK = ("/proc/", "/sys/", "/dev/")


@dataclass(frozen=True, slots=True)
class Line:
    """Of /proc/<pid>/stat."""

    pid: int
    parent: int
    session: int
    name: str
    state: str
    started: int
    ticks: int
    reaped: int


@dataclass(frozen=True, slots=True)
class Family:
    """All processes of one training. ``ticks`` are theirs and those of such as have ended."""

    tasks: tuple[Task, ...]
    ticks: int
    is_keeper_stuck: bool = False


def family(training: int, keeper: int, proc: str = "/proc") -> Family | None:
    """What descends from the keeper or shares the training's session; None where the table cannot be read."""
    try:
        names = os.listdir(proc)  # noqa: PTH208 - names are all we need
    except OSError:
        return None
    table = {line.pid: line for name in names if name.isdigit() and (line := look(int(name), proc))}
    found = {
        pid for pid, line in table.items() if line.session == training or (keeper and line.parent == keeper)
    } - {keeper, os.getpid()}
    grown = True
    while grown:
        more = {pid for pid, line in table.items() if line.parent in found} - found
        found |= more
        grown = bool(more)
    above = table.get(keeper)
    ticks = sum(table[pid].ticks + table[pid].reaped for pid in found) + (above.reaped if above else 0)
    living = [table[pid] for pid in sorted(found) if table[pid].state not in "ZXx"]
    tasks = tuple(
        Task(one.pid, one.started, one.name, one.state, one.ticks, _moved(one, proc)) for one in living
    )
    return Family(tasks, ticks, above is not None and above.state == "D")


def look(pid: int, proc: str = "/proc") -> Line | None:
    """See proc(5). The name may hold anything, also brackets and spaces."""
    data = read(f"{proc}/{pid}/stat")
    begin, end = data.find(b"("), data.rfind(b") ")
    fields = data[end + 2 :].split()
    if begin < 0 or end < begin or len(fields) < LEAST_FIELDS:
        return None
    name = "".join(c if c.isprintable() else "?" for c in data[begin + 1 : end].decode("utf-8", "replace"))
    try:
        numbers = [int(field) for field in fields[1:LEAST_FIELDS]]
    except ValueError:
        return None
    return Line(
        pid=pid,
        parent=numbers[0],
        session=numbers[2],
        name=name,
        state=fields[0].decode("ascii", "replace"),
        started=numbers[18],
        ticks=numbers[10] + numbers[11],
        reaped=numbers[12] + numbers[13],
    )


def _moved(line: Line, proc: str) -> int | None:
    """Bytes that it read and wrote. Of another user's program the kernel may not tell."""
    if line.name.startswith(TRACKING):
        return 0
    words = read(f"{proc}/{line.pid}/io").split()
    return int(words[1]) + int(words[3]) if len(words) > 3 else None  # noqa: PLR2004 - rchar, wchar


def places(pids: Iterable[int], proc: str = "/proc") -> int | None:
    """A sum over where each open file stands, by its path; None where nothing can be seen."""
    found: set[int] = set()  # by path and place, not by process: helpers come and go
    is_seen, left = False, MOST_FILES
    for pid in pids:
        try:
            names = os.listdir(f"{proc}/{pid}/fd")  # noqa: PTH208 - the same
        except OSError:
            continue
        is_seen = True
        found |= {_place(f"{proc}/{pid}", name) for name in names[:left]}
        left -= len(names)
        if left <= 0:
            break
    return zlib.crc32(repr(sorted(found)).encode()) if is_seen else None


def _place(process: str, name: str) -> int:
    try:
        path = os.readlink(f"{process}/fd/{name}")  # noqa: PTH115 - thousands of them
    except OSError:
        return 0
    if not path.startswith("/") or path.startswith(NO_DISK) or TRACKERS & set(path.split("/")):
        return 0
    position = read(f"{process}/fdinfo/{name}").partition(b"\n")[0]
    return zlib.crc32(f"{path} ".encode("utf-8", "surrogateescape") + position)


def read(path: str, most: int = 8192) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - hundreds each time
            return file.read(most)
    except (OSError, ValueError):
        return b""
