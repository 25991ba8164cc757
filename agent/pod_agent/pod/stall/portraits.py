"""What the kernel says of one process that does not go on: its state, where it waits, in which call. In words.

Any file of it may be refused, and some may hang with the process; callers wait apart. Nothing is attached to it.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from pod_agent.pod.stall import veil
from pod_agent.pod.stall.processes import read

if TYPE_CHECKING:
    from pod_agent.pod.stall.raw import Task
    from pod_wire.masker import Masker

STATES = {
    "R": "running",
    "S": "asleep",
    "D": "hangs in the kernel (a disk or a driver does not answer)",
    "T": "stopped by a signal",
    "t": "stopped by a debugger",
    "I": "idle",
}
SHOWN = 160  # characters of a command
MOST_COMMAND = 1 << 18  # bytes that are read of it, so that no secret is cut within what is shown
FRAMES = 6
ABRT_BIT = 1 << 5
CALLS = {  # x86-64: those in which programs wait
    0: "read", 1: "write", 4: "stat", 5: "fstat", 6: "lstat", 7: "poll", 17: "pread64", 18: "pwrite64", 23: "select",
    35: "nanosleep", 42: "connect", 43: "accept", 45: "recvfrom", 47: "recvmsg", 61: "wait4", 72: "fcntl", 73: "flock",
    74: "fsync", 202: "futex", 230: "clock_nanosleep", 232: "epoll_wait", 247: "waitid", 257: "openat",
    262: "newfstatat", 270: "pselect6", 271: "ppoll", 281: "epoll_pwait", 332: "statx",
}  # fmt: skip
WITH_FILE = frozenset(
    {"read", "write", "fstat", "pread64", "pwrite64", "recvfrom", "flock", "fsync", "fcntl"}
)


def portrait(task: Task, masker: Masker, proc: str = "/proc") -> list[str]:
    """A line on the process, and one on each thing of note."""
    place = f"{proc}/{task.pid}"
    state = STATES.get(task.state, task.state)
    said = [state, _where(place), _call(place), _threads(place)]
    told = "; ".join(words for words in said if words)
    lines = [f"  pid {task.pid} {task.name}: {told}", f"    command: {command(place, masker)}"]
    if task.state == "D":
        lines += _stack(place)
    return lines


def command(place: str, masker: Masker) -> str:
    words = veil.command(read(f"{place}/cmdline", MOST_COMMAND), masker)
    return words if len(words) <= SHOWN else f"{words[:SHOWN]}…"


def is_python(pid: int, proc: str = "/proc") -> bool:
    try:
        program = os.readlink(f"{proc}/{pid}/exe")  # noqa: PTH115 - a link that may hold no path
    except OSError:
        return False
    return "python" in os.path.basename(program)  # noqa: PTH119 - the same


def hears_abort(pid: int, proc: str = "/proc") -> bool:
    """Whether it has a handler for SIGABRT, as Python's faulthandler is one: it would say its stacks."""
    for line in read(f"{proc}/{pid}/status").split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"SigCgt":
            return bool(int(value, 16) & ABRT_BIT)
    return False


def _where(place: str) -> str:
    name = read(f"{place}/wchan").decode("ascii", "replace").strip("\0\n ")
    return f"waits in {name}" if name not in {"", "0"} else ""


def _call(place: str) -> str:
    words = read(f"{place}/syscall").split()
    if not words or not words[0].isdigit():
        return ""
    number = int(words[0])
    name = CALLS.get(number, "") if os.uname().machine == "x86_64" else ""
    if not name:
        return f"in system call {number}"
    file = _file(place, words[1]) if name in WITH_FILE and len(words) > 1 else ""
    return f"in {name}{file}"


def _file(place: str, argument: bytes) -> str:
    try:
        return f" of {os.readlink(f'{place}/fd/{int(argument, 16)}')}"  # noqa: PTH115 - the same
    except (OSError, ValueError):
        return ""


def _threads(place: str) -> str:
    """How many there are, and where they wait, the commonest first."""
    try:
        names = os.listdir(f"{place}/task")  # noqa: PTH208 - names are all we need
    except OSError:
        return ""
    if len(names) < 2:  # noqa: PLR2004 - the main one alone
        return ""
    waits = Counter(
        wchan
        for name in names
        if (wchan := read(f"{place}/task/{name}/wchan").decode("ascii", "replace").strip("\0\n "))
        not in {"", "0"}
    )
    most = ", ".join(f"{count} in {where}" for where, count in waits.most_common(3))
    return f"{len(names)} threads{f' ({most})' if most else ''}"


def _stack(place: str) -> list[str]:
    """The kernel's own stack; only root of the whole machine may read it."""
    frames = read(f"{place}/stack").decode("ascii", "replace").split("\n")
    named = [frame.rpartition("] ")[2] for frame in frames if "]" in frame][:FRAMES]
    if not named:
        return ["    the kernel's stack of it may not be read here"]
    return [f"    in the kernel: {' < '.join(named)}"]
