"""Two looks at a job become a reading of each sign. Pure; every sentence that people read of a sign is written here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.stall.signs import Name, Reading, State

if TYPE_CHECKING:
    from pod_agent.pod.stall.raw import Raw, Task

BUSY = 0.10  # of a core, by one process, or by such as come and go
BUSY_TOGETHER = 0.5  # of a core, by many that each do next to nothing
MOVED = 16_000.0  # bytes a second that are read and written
LEAST_S = 0.2  # two looks that are closer say nothing of rates


def read(before: Raw, now: Raw) -> tuple[Reading, ...]:
    """How each sign was between the two."""
    return (
        _step(before, now),
        _log(before, now),
        _files(before, now),
        Reading(Name.GPU, now.gpu.state, now.gpu.words),
        _cpu(before, now),
    )


def is_held(before: Raw, now: Raw) -> bool:
    """The log's disk takes nothing, so the job may wait for that: the keeper counts, and ends it as a full disk.

    A keeper that waits for an answer of that disk, in the kernel or before it, counts nothing.
    """
    counts = not now.is_log_hung and not now.is_keeper_stuck
    return counts and now.waiting > 0 and before.waiting > 0 and now.log == before.log


def _step(before: Raw, now: Raw) -> Reading:
    if now.step is None:
        return Reading(Name.STEP, State.ABSENT, "Nothing tells its steps.")
    if now.step != before.step:
        return Reading(Name.STEP, State.ALIVE, "Its steps go on.")
    return Reading(Name.STEP, State.SILENT, "No new step.")


def _log(before: Raw, now: Raw) -> Reading:
    if now.is_log_hung:
        return Reading(Name.LOG, State.SILENT, "The disk of the log does not answer.")
    if now.log is None or before.log is None:
        known = before.is_log_hung and now.log is not None
        state = State.ALIVE if known else State.UNKNOWN
        return Reading(
            Name.LOG, state, "Its disk answers again." if known else "The log's size cannot be read."
        )
    if now.log != before.log:
        return Reading(Name.LOG, State.ALIVE, "The log grows.")
    return Reading(Name.LOG, State.SILENT, "Nothing new in the log.")


def _files(before: Raw, now: Raw) -> Reading:
    if _differ(before.places, now.places) or _differ(before.tree, now.tree):
        return Reading(Name.FILES, State.ALIVE, "Its files change.")
    moved = _moved(before, now)
    if moved is not None and moved >= MOVED:
        return Reading(Name.FILES, State.ALIVE, f"It reads and writes {moved / 1000:.0f} kB/s.")
    if moved is None and now.places is None and now.tree is None:
        return Reading(Name.FILES, State.UNKNOWN, "What it writes cannot be seen.")
    return Reading(Name.FILES, State.SILENT, "It writes no files.")


def _differ(before: int | None, now: int | None) -> bool:
    return before is not None and now is not None and before != now


def _moved(before: Raw, now: Raw) -> float | None:
    """Bytes a second. A process that was not there before has moved all of its own since."""
    if now.tasks is None or before.tasks is None or now.at - before.at < LEAST_S:
        return None
    earlier = {(one.pid, one.started): one.moved for one in before.tasks}
    told = [
        max(0, one.moved - (earlier.get((one.pid, one.started), 0) or 0))
        for one in now.tasks
        if one.moved is not None
    ]
    return sum(told) / (now.at - before.at) if told else None


def _cpu(before: Raw, now: Raw) -> Reading:
    if not now.tasks or before.tasks is None:
        return Reading(Name.CPU, State.UNKNOWN, "The job's processes cannot be seen.")
    span = now.at - before.at
    if span < LEAST_S:
        return Reading(Name.CPU, State.UNKNOWN, "It was looked at a moment ago.")
    second = now.ticks_per_s * span
    earlier = {(one.pid, one.started): one.ticks for one in before.tasks}
    own = [(_spent(earlier, one), one) for one in now.tasks]
    busiest, task = max(own, key=lambda one: one[0])
    together = max(0, now.ticks - before.ticks)
    gone = together - sum(spent for spent, _ in own)
    if busiest >= BUSY * second:
        return Reading(Name.CPU, State.ALIVE, f"{task.name or 'A process'} computes.")
    if together >= BUSY_TOGETHER * second or gone >= BUSY * second:
        return Reading(Name.CPU, State.ALIVE, "Its processes compute.")
    return Reading(Name.CPU, State.SILENT, f"{_count(now.tasks)} compute next to nothing{_stuck(now.tasks)}.")


def _spent(earlier: dict[tuple[int, int], int], task: Task) -> int:
    return max(0, task.ticks - earlier.get((task.pid, task.started), 0))


def _count(tasks: tuple[Task, ...]) -> str:
    return "It has one process, which" if len(tasks) == 1 else f"Its {len(tasks)} processes"


def _stuck(tasks: tuple[Task, ...]) -> str:
    stuck = [one for one in tasks if one.state == "D"]
    return f"; {stuck[0].name or 'one'} hangs in the kernel (pid {stuck[0].pid})" if stuck else ""
