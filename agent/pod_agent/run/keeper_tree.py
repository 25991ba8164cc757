"""Processes as the kernel tells them: who lives, who descends from whom, and signals that never hit a stranger.

A process is named by pid and kernel start time (/proc/<pid>/stat, field 22). Light: the keeper imports it.
"""

from __future__ import annotations

import os
import signal

FILTERS = frozenset(
    b"awk cat col colrm column cut egrep fgrep fold gawk grep gzip head less logger mawk more multilog nl pv rg"
    b" rotatelogs sed sort svlogd tail tee tr ts uniq xz zstd".split()
)


class Process:
    """One line of /proc/<pid>/stat."""

    __slots__ = ("group", "parent", "session", "start")

    def __init__(self, parent: int, group: int, session: int, start: int) -> None:
        self.parent = parent
        self.group = group
        self.session = session
        self.start = start


def look_at(pid: int) -> Process | None:
    """The living process with this pid; None when there is none, or only its zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            fields = file.read(4096).rpartition(b") ")[2].split()
    except OSError:
        return None
    if len(fields) < 20 or (fields[0] in b"ZXx" and int(fields[17]) < 2):  # noqa: PLR2004 - see proc(5)
        return None  # a zombie with threads left is a main thread that ended early: alive
    return Process(int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def start_time(pid: int) -> int | None:
    process = look_at(pid)
    return process.start if process else None


def is_alive(pid: int, start: int) -> bool:
    return pid > 0 and start_time(pid) == start


def living() -> dict[int, Process]:
    table: dict[int, Process] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = look_at(int(name))
            if process is not None:
                table[int(name)] = process
    return table


def carries(pid: int, marker: bytes) -> bool:
    """Whether the process was started with this NAME=value in its environment."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            data = b""
            while chunk := file.read(65536):
                data += chunk
    except OSError:
        return False  # gone, or not ours to read
    return b"\0" + marker + b"\0" in b"\0" + data


def filters_below(top: int) -> set[int]:
    """Those of its descendants, by their parents' main threads, which shells have alone. Quick: /proc is not listed."""
    found: set[int] = set()
    left = [top]
    while left:
        pid = left.pop()
        try:
            with open(f"/proc/{pid}/task/{pid}/children", "rb", buffering=0) as file:
                children = [int(word) for word in file.read(65536).split()]
        except OSError:
            continue  # gone; or a kernel that does not tell: none is known then
        left += children
        found.update(child for child in children if _is_filter(child))
    return found


def _is_filter(pid: int) -> bool:
    """Whether it only passes on what it reads from a pipe, as ``tee`` behind a training: it ends when that does.

    Told to end before, it would take the pipe away from a training that has its last words to say.
    """
    try:
        with open(f"/proc/{pid}/comm", "rb", buffering=0) as file:
            name = file.read(64).strip()
        return name in FILTERS and os.readlink(f"/proc/{pid}/fd/0").startswith("pipe:")
    except OSError:
        return False


def members(ancestor: int, session: int, marker: bytes) -> dict[int, Process]:
    """All living descendants of ``ancestor``, of the session's members, and of those carrying the marker.

    0 and b"" stand for "do not look for this".
    """
    table = living()
    found = {
        pid
        for pid, process in table.items()
        if (ancestor and process.parent == ancestor)
        or (session and process.session == session)
        or (marker and carries(pid, marker))
    }
    grown = True
    while grown:
        more = {pid for pid, process in table.items() if process.parent in found and pid not in found}
        found |= more
        grown = bool(more)
    found.discard(os.getpid())
    return {pid: table[pid] for pid in found}


def send(pid: int, start: int, number: int) -> bool:
    """Signal this very process; False when it is gone, whoever may have its pid now."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if start_time(pid) != start:
            return False
        signal.pidfd_send_signal(fd, number)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def oom_kills() -> int:
    """How many processes of our cgroup the kernel has killed for memory; -1 when it does not say."""
    for path in _counters():
        try:
            with open(path, "rb", buffering=0) as file:
                lines = file.read(4096).split(b"\n")
        except OSError:
            continue
        for line in lines:
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return -1


def _counters() -> list[str]:
    paths: list[str] = []
    try:
        with open("/proc/self/cgroup", "rb", buffering=0) as file:
            lines = os.fsdecode(file.read(65536)).split("\n")
    except OSError:
        lines = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        path = path.rstrip("/")
        if "memory" in controllers.split(","):
            paths += [f"/sys/fs/cgroup/memory{path}/memory.oom_control"]
        elif not controllers and rest:
            paths += [f"/sys/fs/cgroup{path}/memory.events"]
    return [*paths, "/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"]
