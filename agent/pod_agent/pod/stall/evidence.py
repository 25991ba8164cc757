"""Everything that can be seen of a stalled job, said into its log part by part, before it is ended.

Each part has its own time: a file of /proc may hang with its process. Not here: any decision.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from pod_agent.pod.stall import circumstances, pipe, portraits, processes, stacks, veil
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pod_agent.pod.stall.raw import Task
    from pod_agent.pod.stall.subject import Subject
    from pod_agent.pod.vitals.sample import Sample
    from pod_wire.masker import Masker

ONE_S, ALL_S = 2.0, 10.0  # to look at one process, and at all of them
MOST_PROCESSES = 40
HEAD = "podkeep: "
BY_ABORT = (
    "asked for their stacks as they end (SIGABRT, which Python answers with 'Fatal Python error: Aborted')"
)


@dataclass(frozen=True, slots=True)
class Around:
    """What the evidence needs besides the job's processes."""

    path: str  # the job's PATH
    sample: Callable[[], Sample | None]
    masker: Masker


def tell(subject: Subject, reason: str, around: Around, within_s: float) -> None:
    """All of it, as far as the time goes. Afterwards Pythons that could be asked only so have ended."""
    until = time.monotonic() + within_s

    def left_s() -> float:
        return max(0.0, until - time.monotonic())

    def say(lines: list[str]) -> None:
        shown = [veil.line(line.encode("utf-8", "surrogateescape"), around.masker) for line in lines]
        pipe.say(subject.place / "fifo", shown, min(pipe.PATIENCE_S, left_s()))

    say(["", f"{HEAD}{reason}", f"{HEAD}what could be seen of it, before this attempt is ended:"])
    family = processes.family(subject.pid, subject.keeper)
    tasks = family.tasks if family is not None else ()
    say(_processes(tasks, around.masker, min(ALL_S, left_s())))
    pythons = [task for task in _parents_first(tasks, subject.pid) if _sees(task, left_s())]
    told: set[int] = set()
    program = stacks.py_spy(around.path)
    if program is not None and pythons:
        lines, told = stacks.by_py_spy(program, pythons, around.masker, min(stacks.ALL_S, left_s()))
        say([f"{HEAD}stacks, seen by py-spy:", *lines])
    say(_surroundings(pythons or list(tasks), around, left_s()))
    asked = stacks.who_can_tell(pythons, told)
    if asked:
        say([f"{HEAD}{_pids(asked)}: {BY_ABORT}"])
        ended = stacks.by_abort(asked, tasks, left_s())
        deaf = [task for task in asked if task not in ended]
        if deaf:
            why = "a core file of it could not be forbidden" if left_s() else "there was no time left"
            say([f"{HEAD}{_pids(deaf)}: not asked, since {why}"])
    mute = [task for task in pythons if task.pid not in told and task not in asked]
    if mute:
        say([f"{HEAD}{_pids(mute)}: no stacks: neither py-spy nor faulthandler could be had"])


def _processes(tasks: Sequence[Task], masker: Masker, all_s: float) -> list[str]:
    if not tasks:
        return [f"{HEAD}its processes cannot be seen"]
    lines = [f"{HEAD}its processes:"]
    until = time.monotonic() + all_s
    for task in sorted(tasks, key=lambda task: task.state != "D")[:MOST_PROCESSES]:
        left_s = until - time.monotonic()
        found = _in_time(lambda task=task: portraits.portrait(task, masker), left_s)  # type: ignore[misc]
        lines += found or [f"  pid {task.pid} {task.name}: whoever looks at it hangs too"]
    if len(tasks) > MOST_PROCESSES:
        lines.append(f"  and {len(tasks) - MOST_PROCESSES} more")
    return lines


def _sees(task: Task, left_s: float) -> bool:
    return bool(_in_time(lambda: ["yes"] if portraits.is_python(task.pid) else [], left_s))


def _in_time(look: Callable[[], list[str]], left_s: float) -> list[str]:
    """A thread for each: one that hangs is left behind."""
    if left_s <= 0:
        return []
    found: list[str] = []

    def run() -> None:
        with contextlib.suppress(OSError, ValueError):
            found.extend(look())

    thread = threading.Thread(target=run, name="stall-look", daemon=True)
    thread.start()
    thread.join(min(ONE_S, left_s))
    return [] if thread.is_alive() else found


def _parents_first(tasks: Sequence[Task], training: int) -> list[Task]:
    """The command's own process, then by age: ranks come before their workers."""
    return sorted(tasks, key=lambda task: (task.pid != training, task.started, task.pid))


def _surroundings(tasks: list[Task], around: Around, left_s: float) -> list[str]:
    variables: list[str] = []
    for task in tasks[-1:]:  # the youngest was started by a launcher, if there is one, with its variables
        variables = _in_time(
            lambda task=task: circumstances.variables(task.pid, around.masker),  # type: ignore[misc]
            left_s,
        )
    lines = [f"{HEAD}its variables of NCCL, CUDA and torch:", *(f"  {one}" for one in variables or ["none"])]
    lines += [f"{HEAD}the kernel's last words:", *circumstances.kernel(around.masker, now=time.monotonic())]
    return [*lines, f"{HEAD}the GPUs:", *circumstances.gpus(around.sample())]


def _pids(tasks: Sequence[Task]) -> str:
    return f"pid {', '.join(str(task.pid) for task in tasks)}"
