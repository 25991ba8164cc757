"""The job's history: what changed between two states, as entries, and the file they are appended to.

Append-only; one JSON line each. It is history, not state: ``state.json`` is written before it and is what counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pod_agent.pod.brakes import NEARLY
from pod_agent.pod.stop import TAKEN
from pod_wire.events import Entry, Kind, to_line
from pod_wire.status import Phase

if TYPE_CHECKING:
    from pod_agent.run.folders import Folders
    from pod_agent.run.situation import State
    from pod_agent.run.state import Job
    from pod_wire.events import Field

FILE = "journal.jsonl"


class Journal(Protocol):
    """Takes entries of a job. A test's journal may die after any line."""

    def write(self, job: str, entry: Entry) -> None: ...


class FileJournal:
    """The journal in the job's folder."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def write(self, job: str, entry: Entry) -> None:
        self._folders.of(job).append(FILE, to_line(entry))


def tell(before: State, after: State, now: float) -> tuple[Entry, ...]:
    """What happened, in the order a reader expects. Nothing while there is no job whose folder is ours."""
    job = after.job
    if job is None or after.opening:
        return ()
    earlier = before.job if before.job is not None and not before.opening else None
    entries: list[Entry] = []
    if earlier is None or earlier.order != job.order:
        entries.append(_entry(now, Kind.ORDER, order=job.order, run=job.run, boot=job.boot, name=job.name))
    entries += _attempts(earlier, job, now)
    entries += _checkpoint(earlier, job, now)
    entries += _rehearsal(earlier, job, now)
    entries += _stall(earlier, job, now)
    if after.phase is not before.phase or after.serial != before.serial:
        entries.append(_phase(before, after, now))
    if after.phase is Phase.FINISHED and before.phase is Phase.DRAINING and job.ending is not None:
        ending = job.ending
        entries.append(
            _entry(now, Kind.OUTCOME, outcome=ending.outcome, reason=ending.reason, remedy=ending.remedy)
        )
    held = earlier.held if earlier is not None else None
    if job.held is not None and job.held != held:
        entries.append(_entry(now, Kind.HOLD, until=job.held.until, by=job.held.by))
    if after.phase is Phase.STOPPING and before.phase is not Phase.STOPPING:
        entries.append(_entry(now, Kind.STOP_REQUESTED, because=after.stop_because))
    if _is_news(before, after):
        entries.append(_entry(now, Kind.STOP_REFUSED, rounds=after.stop_rounds, error=after.stop_error))
    known = earlier.warnings if earlier is not None else ()
    entries += [
        _entry(now, Kind.WARNING, text=text)
        for text in job.warnings
        if text not in known and not (earlier is None and text.startswith(NEARLY))  # told by an earlier agent
    ]
    return tuple(entries)


def _is_news(before: State, after: State) -> bool:
    """A pod that nobody stops is refused each minute for days: told in other words, and after 1, 2, 4, 8 … rounds."""
    rounds = after.stop_rounds
    is_doubled = rounds & (rounds - 1) == 0
    return rounds > before.stop_rounds and (is_doubled or _refusals(after) != _refusals(before))


def _refusals(state: State) -> frozenset[str]:
    """Whatever their order: each round begins with the next route."""
    said = (state.stop_error or "").split("; ")
    return frozenset(TAKEN if one.endswith(TAKEN) else one for one in said)


def _phase(before: State, after: State, now: float) -> Entry:
    seconds = round(max(0.0, now - before.entered_at), 3) if before.entered_at else None
    fields: dict[str, Field] = {"phase": after.phase, "from": before.phase, "seconds": seconds}
    if after.phase is Phase.DRAINING and after.job is not None and after.job.ending is not None:
        fields["outcome"] = after.job.ending.outcome
        fields["reason"] = after.job.ending.reason
    return Entry(now, Kind.PHASE, fields)


def _attempts(earlier: Job | None, job: Job, now: float) -> list[Entry]:
    known = (
        {attempt.number: attempt for attempt in earlier.attempts}
        if earlier and earlier.run == job.run
        else {}
    )
    entries = []
    for attempt in job.attempts[-2:]:
        was = known.get(attempt.number)
        if attempt.started_at is not None and (was is None or was.started_at is None) and earlier is not None:
            entries.append(
                _entry(
                    now,
                    Kind.ATTEMPT_STARTED,
                    number=attempt.number,
                    pid=attempt.pid,
                    resumed_from=attempt.resumed_from,
                    resumed_step=attempt.resumed_step,
                )
            )
        if attempt.ended_at is not None and was is not None and was.ended_at is None:
            entries.append(
                _entry(
                    now,
                    Kind.ATTEMPT_ENDED,
                    number=attempt.number,
                    exit_code=attempt.exit_code,
                    signal=attempt.signal,
                    reason=attempt.reason,
                    failure=attempt.failure,
                )
            )
    return entries


def _checkpoint(earlier: Job | None, job: Job, now: float) -> list[Entry]:
    place = job.checkpoint
    if place is None or earlier is None or earlier.checkpoint == place:
        return []
    return [_entry(now, Kind.CHECKPOINT, path=place.path, step=place.step, size_bytes=place.size_bytes)]


def _rehearsal(earlier: Job | None, job: Job, now: float) -> list[Entry]:
    told = job.rehearsal
    if told is None or earlier is None or earlier.rehearsal == told:
        return []
    return [
        _entry(now, Kind.REHEARSAL, state=told.state, attempt=told.attempt, step=told.step, text=told.text)
    ]


def _stall(earlier: Job | None, job: Job, now: float) -> list[Entry]:
    told = job.stall
    was = earlier.stall if earlier is not None else None
    if told is None or earlier is None or (was is not None and was.attempt == told.attempt):
        return []
    return [_entry(now, Kind.STALL, attempt=told.attempt, text=told.text, is_second=int(told.is_second))]


def _entry(at: float, kind: Kind, **fields: Field) -> Entry:
    return Entry(at, kind, fields)
