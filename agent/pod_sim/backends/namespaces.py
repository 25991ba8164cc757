"""What the kernel says of processes and pid namespaces, read from /proc. Only reads: signals are sent in process.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
START_TIME = 19  # field 22 of /proc/<pid>/stat, counted after the command's closing bracket


@dataclass(frozen=True, slots=True)
class PodProcess:
    """One process of a pod: its pid inside, pid and start time on the host, command line ([name] without one)."""

    pid: int
    host_pid: int
    start_time: int
    command: str


def _stat(pid: int) -> list[str] | None:
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def start_time(pid: int) -> int | None:
    """The kernel's start time of a process, in ticks since the machine booted; None when there is none."""
    fields = _stat(pid)
    return int(fields[START_TIME]) if fields else None


def is_alive(pid: int, started: int) -> bool:
    """Whether this very process still runs. A zombie does not."""
    fields = _stat(pid)
    return fields is not None and fields[0] not in "ZX" and int(fields[START_TIME]) == started


def machine_boot() -> str:
    """An id that changes when the machine itself boots."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def namespace_of(pid: int) -> str | None:
    try:
        return str((PROC / str(pid) / "ns/pid").readlink())
    except OSError:
        return None


def inside_pid(pid: int) -> int | None:
    """The pid a process has in its own, innermost pid namespace."""
    try:
        status = (PROC / str(pid) / "status").read_text(errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return None


def command_of(pid: int) -> str:
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        name = (PROC / str(pid) / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""
    return b" ".join(words).decode("utf-8", "replace") or f"[{name}]"


def processes(namespace: str) -> tuple[PodProcess, ...]:
    """The living processes of one pid namespace, by their pid inside. A namespace below it is another one."""
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        host_pid = int(entry.name)
        fields = _stat(host_pid)
        if fields is None or fields[0] in "ZX" or namespace_of(host_pid) != namespace:
            continue
        inside = inside_pid(host_pid)
        if inside is not None:
            found.append(PodProcess(inside, host_pid, int(fields[START_TIME]), command_of(host_pid)))
    return tuple(sorted(found, key=lambda process: process.pid))
