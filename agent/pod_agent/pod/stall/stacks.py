"""The stacks of a job's Python processes: from outside by py-spy, or else from themselves as they are ended.

py-spy reads another process's memory, which many containers forbid. Then SIGABRT does it: every Python of a job has
PYTHONFAULTHANDLER=1, so it says the stacks of all its threads into the log, and ends. Meanwhile the others are stopped,
so that none of them reacts to the first one's end; and no core file is written.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.stall import portraits, processes, veil

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pod_agent.pod.stall.raw import Task
    from pod_wire.masker import Masker

MOST_PROCESSES = 24
MOST_LINES = 400  # of one process
MOST_COMPLAINT = 200  # characters
ONE_S = 10.0  # py-spy with one process
ALL_S = 40.0
LEAVE_S = 2.0  # a process that is asked to end
PAUSE_S = 0.02
NO_CORE = 1  # to a kernel that hands cores to a program, only 1 means none


def py_spy(path: str) -> str | None:
    """Beside our own Python, or where the job's PATH has it."""
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy", path=path)


def by_py_spy(
    program: str, tasks: Sequence[Task], masker: Masker, all_s: float = ALL_S
) -> tuple[list[str], set[int]]:
    """What it says of each, and of which it could tell."""
    lines: list[str] = []
    told: set[int] = set()
    until = time.monotonic() + all_s
    for task in tasks[:MOST_PROCESSES]:
        left = until - time.monotonic()
        if left <= 0:
            lines.append("  the rest would take too long")
            break
        found, error = _ask(program, task.pid, masker, min(ONE_S, left))
        if found:
            told.add(task.pid)
            lines.append(f"  pid {task.pid} {task.name}:")
            lines += [f"    {line}" for line in found[:MOST_LINES]]
        else:
            lines.append(f"  pid {task.pid} {task.name}: py-spy may not, or cannot: {error}")
            if "ermission" in error or "ptrace" in error:
                break  # nor will it of the others
    return lines, told


def _ask(program: str, pid: int, masker: Masker, limit_s: float) -> tuple[list[str], str]:
    argv = [program, "dump", "--nonblocking", "--pid", str(pid)]
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}
        )
    except OSError as error:
        return [], str(error)
    try:
        out, err = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        _leave(process)
        return [], "it does not answer"
    said = [line for line in out.decode("utf-8", "replace").split("\n") if line.strip()]
    stacks = [line for line in said if not line.startswith(("Process ", "Python v"))]
    complaint = " ".join(veil.line(err, masker).split())[:MOST_COMPLAINT]
    return (stacks, "") if process.returncode == 0 and stacks else ([], complaint or "it said nothing")


def _leave(process: subprocess.Popen[bytes]) -> None:
    """End it; one that hangs with the process that it looks at is left behind."""
    process.kill()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(LEAVE_S)


def who_can_tell(tasks: Sequence[Task], told: set[int]) -> list[Task]:
    """Pythons that would say their own stacks, parents first."""
    return [
        task
        for task in tasks
        if task.pid not in told
        and task.state != "D"  # it hears nothing
        and portraits.is_python(task.pid)
        and portraits.hears_abort(task.pid)
    ][:MOST_PROCESSES]


def by_abort(asked: Sequence[Task], everybody: Sequence[Task], all_s: float) -> list[Task]:
    """End these one after the other, the youngest first, each with its stacks; who was ended."""
    ended: list[Task] = []
    until = time.monotonic() + all_s
    try:
        for task in everybody:
            _send(task, signal.SIGSTOP)
        for task in reversed(asked):
            if time.monotonic() >= until:
                break
            if _forbid_core(task) and _send(task, signal.SIGABRT) and _send(task, signal.SIGCONT):
                ended.append(task)
                _await_end(task)
    finally:
        for task in everybody:
            _send(task, signal.SIGCONT)
    return ended


def _forbid_core(task: Task) -> bool:
    """A core of a training is as large as its memory, and would fill the disk."""
    try:
        _, most = resource.prlimit(task.pid, resource.RLIMIT_CORE)
        resource.prlimit(task.pid, resource.RLIMIT_CORE, (min(NO_CORE, most) if most >= 0 else NO_CORE, most))
    except (OSError, ValueError):
        return False
    return True


def _send(task: Task, number: int) -> bool:
    """To this very process, whoever may have its pid by now."""
    try:
        fd = os.pidfd_open(task.pid)
    except OSError:
        return False
    try:
        line = processes.look(task.pid)
        if line is None or line.started != task.started:
            return False
        signal.pidfd_send_signal(fd, number)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _await_end(task: Task) -> None:
    until = time.monotonic() + LEAVE_S
    while time.monotonic() < until:
        line = processes.look(task.pid)
        if line is None or line.started != task.started or line.state in "ZXx":
            return
        time.sleep(PAUSE_S)
