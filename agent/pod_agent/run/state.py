"""What is kept of a job between two lives of the agent: ``state.json``, a frozen value written and read whole.

The types here are read back by ``codec``, so their imports stand at run time. Where the bytes lie is ``folder``'s.
"""

from __future__ import annotations

from dataclasses import replace

from pod_agent.pod.brakes import Deadline  # noqa: TC001 - read back by codec
from pod_agent.run.left import Leave  # noqa: TC001 - the same
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass
from pod_wire.job import JobSpec  # noqa: TC001 - read back by codec
from pod_wire.routes import FORMAT
from pod_wire.status import Attempt, CheckpointPlace, Held, Outcome, Phase, PhaseTime, Rehearsal

FILE = "state.json"
MOST_WARNINGS = 40
MOST_ATTEMPTS = 100
MOST_TOLD = 20
STAND_IN = -(
    1 << 40
)  # the revision of a record made without having read the job's own: any real one is newer


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended, decided once; published when everything of it is over."""

    outcome: Outcome
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Stall:
    """A stalled attempt, the run's latest. One more with nothing newer saved between the two ends the job."""

    attempt: int
    text: str  # what was silent, and for how long
    at: float = 0.0
    is_told: bool = False  # its stacks are in the log, as far as they could be had
    is_second: bool = False  # this run had stalled before
    since: CheckpointPlace | None = None  # the newest whole one when it last stalled
    stood: CheckpointPlace | None = None  # the newest whole one when this attempt was over


@dataclass(frozen=True, slots=True)
class Job:
    """One job as the machine knows it. An attempt without ``started_at`` was numbered, and perhaps never claimed."""

    spec: JobSpec
    order: str
    run: str  # the lineage of training; checkpoints and attempts' numbers belong to it
    run_began_at: float
    boot: str
    phase: Phase = Phase.SYNCING
    accepted_at: float = 0.0
    commit: str | None = None  # pinned by the first sync of a run, moved only by a new order
    attempts: tuple[Attempt, ...] = ()
    tries: int = 0  # attempts under this order and boot: what max_restarts counts
    before: CheckpointPlace | None = None  # the newest whole one when the last attempt began
    checkpoint: CheckpointPlace | None = None  # the newest whole one
    phases: tuple[PhaseTime, ...] = ()
    ending: Ending | None = None
    warnings: tuple[str, ...] = ()
    stop_because: str | None = None  # whatever the exit policy: the pod stops after this job, and this is why
    deadline: Deadline | None = None
    fresh_for: str | None = None  # the spec hash whose POD_FRESH has been honoured
    rehearsal: Rehearsal | None = None  # of this run
    installed: str = ""  # what its environment came from, and how: by the last install
    told: tuple[str, ...] = ()  # limits of which was said that they are near
    held: Held | None = None  # after a failure before its first step
    leave: Leave | None = None  # what its exit policy comes to
    way_s: float | None = None  # the longest way to a first step in this run, set-up included
    stall: Stall | None = None  # of this run: the restart that its silence has cost
    revision: int = 0  # higher is newer, when two places hold a record
    format: int = FORMAT

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt that may be alive, or was numbered and never begun."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.ended_at is None else None

    @property
    def has_just_stalled(self) -> bool:
        """Whether its latest attempt was ended for its silence, of which a dead disk may be the cause."""
        last = self.attempts[-1] if self.attempts else None
        return self.stall is not None and last is not None and last.number == self.stall.attempt

    @property
    def made_progress(self) -> bool:
        """Whether a newer whole checkpoint stands than when the last attempt began."""
        if self.checkpoint is None:
            return False
        if self.before is None:
            return True
        if self.checkpoint.step is not None and self.before.step is not None:
            return self.checkpoint.step > self.before.step
        return self.checkpoint.seen_at > self.before.seen_at and self.checkpoint != self.before


def warned(job: Job, *texts: str) -> Job:
    """The job with these warnings; one said before is not said twice."""
    fresh = tuple(text for text in dict.fromkeys(texts) if text and text not in job.warnings)
    return replace(job, warnings=(*job.warnings, *fresh)[-MOST_WARNINGS:]) if fresh else job


def dump(job: Job) -> bytes:
    return to_json(job) + b"\n"


def load(data: bytes) -> Job:
    """Read a record back. A newer format is refused by name; so is what is no record at all."""
    return from_json(Job, data)


def newest(documents: tuple[bytes, ...], order: str | None = None) -> Job | None:
    """The newest readable record among several, one of this order before others.

    A newer *format* anywhere is refused: it must not be overwritten.
    """
    found: list[Job] = []
    broken: list[BadInput] = []
    for data in documents:
        try:
            found.append(load(data))
        except BadInput as error:
            if "format is" in error.message:
                raise
            broken.append(error)
    if not found and broken:
        raise broken[0]
    return max(found, key=lambda job: (job.order == order, job.revision), default=None)
