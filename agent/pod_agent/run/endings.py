"""What the end of an attempt means: the job is done, it may go on, or it has failed, with reason and remedy. Pure.

``docs/outcomes.md`` shows the same as a table for people; ``tests/agent/test_endings.py`` and the tests of misbehaving
programs read that table. Not here: what phase follows (``machine``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pod_agent.run.state import Ending
from pod_wire.status import Outcome

if TYPE_CHECKING:
    from pod_agent.run.attempt import Ended
    from pod_agent.run.state import Job

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
CRASHES = frozenset({"SEGV", "ABRT", "BUS", "FPE", "ILL", "TRAP", "SYS"})
SIGNAL_CODES = {129: "HUP", 130: "INT", 137: "KILL", 143: "TERM"}  # as a shell reports a child's signal
NOT_EXECUTABLE, NOT_FOUND = 126, 127
SILENT_SUCCESS = "the command ended with exit code 0 and wrote nothing: check that it did what you meant"

SET_RESUME = "set POD_RESUME so that the job goes on from its newest whole checkpoint"
RESUMES_ALREADY = "the log's last lines say why; a new order goes on from the newest whole checkpoint"


class Again(StrEnum):
    """What another attempt needs."""

    DONE = "done"  # none is needed
    FREELY = "freely"  # taken from outside, or unknown: tries left are enough
    WITH_PROGRESS = "with progress"  # its own failure: only past where it last began
    NEVER = "never"  # it would end the same way


@dataclass(frozen=True, slots=True)
class Finding:
    """What an end means, before tries and progress are counted."""

    again: Again
    reason: str
    remedy: str = ""


def find(ended: Ended) -> Finding:
    """Read an exit record. *Succeeded* is never assumed: an unknown exit is an unknown exit."""
    if ended.reason == "disk_full":
        return Finding(
            Again.NEVER,
            "disk full: the job's output could not be written for 5 minutes",
            "free space in the workspace or give the pod a larger mount, then run it again",
        )
    if ended.reason == "spawn_failed":
        detail = f": {ended.detail}" if ended.detail else ""
        return Finding(Again.NEVER, f"the command could not be started{detail}", "see the log's last lines")
    if ended.reason == "oom":
        return Finding(
            Again.WITH_PROGRESS,
            "out of memory: the kernel killed the training",
            "make batches or workers smaller, or take a machine with more memory",
        )
    if ended.taken:
        return Finding(Again.FREELY, "the pod was taken from under it", SET_RESUME)
    if ended.signal is not None:
        return _signalled(ended.signal)
    if ended.exit_code is None:
        return Finding(
            Again.FREELY,
            "the exit is unknown: the keeper or the container was lost",
            "the log shows how far it came",
        )
    return _exited(ended.exit_code)


def _signalled(name: str) -> Finding:
    if name in CRASHES:
        return Finding(
            Again.WITH_PROGRESS,
            f"the program crashed with signal {name}",
            "the log ends with Python's fault trace; a native library is the usual cause",
        )
    return Finding(
        Again.FREELY,
        f"killed by signal {name} from outside",
        SET_RESUME,
    )


def _exited(code: int) -> Finding:
    if code == 0:
        return Finding(Again.DONE, "exit code 0")
    if code == NOT_FOUND:
        return Finding(
            Again.NEVER,
            "command not found (exit code 127)",
            "name a program that the image or the requirements install; paths count from POD_SUBDIR",
        )
    if code == NOT_EXECUTABLE:
        return Finding(
            Again.NEVER,
            "the command cannot be executed (exit code 126)",
            "make the file executable (chmod +x), or call it through its interpreter",
        )
    if code in SIGNAL_CODES:
        return Finding(
            Again.FREELY,
            f"killed by signal {SIGNAL_CODES[code]} from outside (exit code {code})",
            SET_RESUME,
        )
    return Finding(Again.WITH_PROGRESS, f"exit code {code}", "the log's last lines say why")


def judge(job: Job, ended: Ended) -> Ending | Finding:
    """The job's ending, or the finding that allows another attempt. ``job`` already knows the newest checkpoint."""
    finding = find(ended)
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
