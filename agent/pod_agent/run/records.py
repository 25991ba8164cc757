"""The record of an attempt inside a job's record: begun, over, lost. Pure functions; what follows is the machine's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run.attempt import Ended
from pod_agent.run.failures.failure import Kind

if TYPE_CHECKING:
    from pod_agent.run import events as e
    from pod_agent.run.state import Job, Stall


def begun(job: Job, event: e.AttemptStarted) -> Job:
    """The attempt's record with its process; one found again keeps the moment it began."""
    last = job.open_attempt
    if last is None or last.number != event.number:
        return job
    at = last.started_at if last.started_at is not None else event.at
    return replace(job, attempts=(*job.attempts[:-1], replace(last, pid=event.pid, started_at=at)))


def over(job: Job, event: e.AttemptEnded, reason: str) -> Job:
    """The attempt's record, closed, and the newest checkpoint there is now."""
    last = job.open_attempt
    if last is not None and last.number == event.number:
        stalled = stall_of(job, event)
        failure = event.failure.kind if event.failure is not None else None
        failure = Kind.STALLED if stalled is not None else failure
        closed = replace(
            last,
            started_at=event.ended.ended_at if last.started_at is None else last.started_at,
            ended_at=event.ended.ended_at,
            exit_code=event.ended.exit_code,
            signal=event.ended.signal,
            reason=stalled.text if stalled is not None else reason,
            failure=str(failure) if failure is not None else None,
        )
        job = replace(job, attempts=(*job.attempts[:-1], closed))
    return replace(job, checkpoint=event.newest or job.checkpoint)


def stall_of(job: Job, event: e.AttemptEnded) -> Stall | None:
    """The stall that this attempt was ended for. One that came to its end by itself meanwhile had not stalled."""
    known = job.stall
    if known is None or known.attempt != event.number:
        return None
    return None if event.ended.exit_code == 0 and not event.ended.cancelled else known


def lost(now: float) -> Ended:
    """The end of an attempt that nobody saw."""
    return Ended(None, None, "unknown", cancelled=False, output_bytes=0, ended_at=now)
