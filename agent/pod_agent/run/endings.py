"""What the end of an attempt means: the job is done, it may go on, or it has failed, with reason and remedy. Pure.

``docs/outcomes.md`` shows the same as a table for people; ``tests/agent/test_endings.py`` and the tests of misbehaving
programs read that table. Not here: why it failed (``failures``), and what phase follows (``machine``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.run.failures import facts
from pod_agent.run.failures.evidence import bare
from pod_agent.run.failures.failure import Again
from pod_agent.run.failures.retry import SET_RESUME
from pod_agent.run.state import Ending
from pod_wire.frozen import dataclass
from pod_wire.status import Outcome

if TYPE_CHECKING:
    from pod_agent.run.attempt_plan import Ended
    from pod_agent.run.failures.failure import Failure
    from pod_agent.run.state import Job

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
DECIDED = frozenset({"disk_full", "spawn_failed", "oom"})  # whatever the exit code
SILENT_SUCCESS = "the command ended with exit code 0 and wrote nothing: check that it did what you meant"

RESUMES_ALREADY = "the log's last lines say why; a new order goes on from the newest whole checkpoint"


@dataclass(frozen=True, slots=True)
class Finding:
    """What an end means, before tries and progress are counted."""

    again: Again
    reason: str
    remedy: str = ""


def find(ended: Ended, failure: Failure | None = None) -> Finding:
    """What an end means. ``failure``: what the log and the disks told of it; without, the exit record has to do.

    *Succeeded* is never assumed: an unknown exit is an unknown exit.
    """
    if ended.exit_code == 0 and not ended.taken and ended.reason not in DECIDED:
        return Finding(Again.DONE, "exit code 0")
    known = failure or facts.of(bare(ended))
    return Finding(known.again, known.reason, known.remedy)


def judge(job: Job, ended: Ended, failure: Failure | None = None) -> Ending | Finding:
    """The job's ending, or the finding that allows another attempt. ``job`` already knows the newest checkpoint."""
    finding = find(ended, failure)
    if finding.again is Again.DONE:
        return Ending(Outcome.SUCCEEDED, finding.reason)
    if finding.again is Again.NEVER:
        return Ending(Outcome.FAILED, finding.reason, finding.remedy)
    most = job.spec.max_restarts
    if job.tries > most:
        used = f"; all {most} restarts are used" if most else ""
        advised = finding.remedy == SET_RESUME and job.spec.resume is not None
        remedy = RESUMES_ALREADY if advised else finding.remedy
        return Ending(Outcome.FAILED, finding.reason + used, remedy)
    if finding.again is Again.WITH_PROGRESS and not job.made_progress:
        reason = f"{finding.reason}; no newer whole checkpoint since attempt {job.attempts[-1].number} began"
        return Ending(Outcome.FAILED, reason, finding.remedy)
    return finding


def pause_s(tries: int) -> float:
    """How long to wait before the attempt after this many: small at first, doubling."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** max(0, tries - 1))
