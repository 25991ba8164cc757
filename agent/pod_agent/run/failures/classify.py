"""From evidence to a failure: the exit's facts first where they are sure, then what the log tells. Pure; never raises.

Not here: reading the log (``lines``, ``causes``), the words and remedies of a class (``retry``, ``telling``).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run.failures import causes, facts, lines, telling
from pod_agent.run.failures.evidence import SHM
from pod_agent.run.failures.failure import Kind
from pod_agent.run.failures.retry import RULES, failure

if TYPE_CHECKING:
    from pod_agent.run.failures.causes import Cause
    from pod_agent.run.failures.evidence import Evidence
    from pod_agent.run.failures.failure import Failure
    from pod_agent.run.failures.lines import Line

# Ends that no log knows better.
_SURE = frozenset({Kind.DISK_FULL, Kind.TAKEN, Kind.LOST, Kind.NOT_STARTED, Kind.KILLED})
_KILLS_ALL = re.compile(r"Child process with PID \d+ terminated with code \d+")
_LAST = 60  # lines
_SMALL_SHM = 1 << 30
# An OOM kill somewhere in the container explains a process that vanished, not one that says what ailed it.
_UNEXPLAINED = frozenset(
    {Kind.KILLED, Kind.HOST_MEMORY, Kind.EXCEPTION, Kind.RANKS, Kind.NETWORK, Kind.CRASH}
)
# What a GPU that failed looks like from the program.
_BY_GPU = frozenset(
    {
        Kind.UNKNOWN,
        Kind.EXCEPTION,
        Kind.ASSERTION,
        Kind.RANKS,
        Kind.CRASH,
        Kind.KILLED,
        Kind.GPU_FAULT,
        Kind.NO_CUDA,
    }
)


def classify(evidence: Evidence) -> Failure:
    """The failure. Only for attempts that did not end well."""
    found = _read(evidence)
    if not evidence.gpus or not may_be_of_gpu(found):
        return found
    title = RULES[Kind.DRIVER].title
    return failure(Kind.DRIVER, f"{title}: {', '.join(evidence.gpus)}; then {found.reason}")


def may_be_of_gpu(found: Failure) -> bool:
    """Whether a GPU that failed would explain it better than what the log and the exit tell."""
    return found.kind in _BY_GPU


def _read(evidence: Evidence) -> Failure:
    """As the exit and the log tell it."""
    plain = facts.of(evidence)
    read = lines.read(evidence.tail)
    is_sure = plain.kind in _SURE and not (plain.kind is Kind.KILLED and _ends_itself(read))
    if is_sure or (evidence.was_oom_killed and evidence.signal is not None):
        return plain
    cause = causes.find(read)
    if plain.kind in {Kind.NO_COMMAND, Kind.NOT_EXECUTABLE} and (cause is None or cause.raised is None):
        return telling.shell(plain, read)
    if evidence.was_oom_killed and (cause is None or cause.kind in _UNEXPLAINED):
        return plain
    if cause is None:
        return _silent(evidence, plain, read)
    if plain.kind is Kind.CRASH and cause.raised is not None and _crashed_later(cause, read):
        return plain
    found = _of_cause(evidence, cause)
    if found.kind in {Kind.EXCEPTION, Kind.ASSERTION} and lines.is_nan(read):
        return replace(found, reason=f"{found.reason}; the last loss was no number")
    return found


def _ends_itself(read: tuple[Line, ...]) -> bool:
    """Whether a launcher said that it kills all its processes, itself among them, because one of them failed."""
    return any(_KILLS_ALL.search(line.text) for line in read[-_LAST:])


def _of_cause(evidence: Evidence, cause: Cause) -> Failure:
    if cause.said is not None and cause.said.signal:
        return _child(evidence, cause.said.signal)
    reason = telling.reason(cause, evidence)
    return failure(cause.kind, reason, remedy=telling.remedy(cause), saved=evidence.saved)


def _crashed_later(cause: Cause, read: tuple[Line, ...]) -> bool:
    """Whether the crash is another matter than an exception before it: one that came in the program's midst."""
    after = [line.text for line in read[cause.index + 1 :]]
    is_told = any(text.startswith("Fatal Python error: ") for text in after)
    return is_told and not any("<no Python frame>" in text for text in after)


def _child(evidence: Evidence, signal: str) -> Failure:
    """A process of the training, not the command itself, was ended by a signal."""
    if signal == "BUS":
        return _bus(evidence)
    if evidence.signal == signal:
        return facts.of(evidence)
    found = facts.signalled(signal)
    return replace(found, reason=f"one of its processes: {found.reason}{telling.code(evidence)}")


def _bus(evidence: Evidence) -> Failure:
    shm = next((disk for disk in evidence.disks if disk.name == SHM), None)
    how = telling.room(shm) if shm is not None else ""
    is_small = shm is not None and shm.size_bytes is not None and shm.size_bytes <= _SMALL_SHM
    sure = " (/dev/shm is small)" if is_small and not how else ""
    reason = f"the program crashed with signal BUS: a full /dev/shm is the usual cause{how}{sure}"
    return failure(Kind.SHARED_MEMORY, reason)


def _silent(evidence: Evidence, plain: Failure, read: tuple[Line, ...]) -> Failure:
    """Nothing in the log tells why."""
    if evidence.signal == "BUS":
        return _bus(evidence)
    if plain.kind is not Kind.UNKNOWN:
        return plain
    if any(disk.free_bytes == 0 for disk in evidence.disks if disk.name != SHM):
        full = next(disk for disk in evidence.disks if disk.free_bytes == 0 and disk.name != SHM)
        return failure(Kind.DISK_FULL, f"{plain.reason}, and {full.name} is full")
    words = lines.last_words(read)
    return replace(plain, reason=f"{plain.reason}: {telling.cut(words)}") if words else plain
