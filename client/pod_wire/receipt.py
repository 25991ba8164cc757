"""What became of a run, over all its boots and pods: the receipt, as the agent serves and writes it. Values only.

None is "not known", never 0. Not here: its words (``receipt_rows``) and where the figures come from (the agent).
"""

from __future__ import annotations

from pod_wire.frozen import dataclass
from pod_wire.status import Attempt, CheckpointPlace, Outcome, Phase, Rehearsal  # noqa: TC001 - the codec reads them

BOOT = "boot"  # from a pod's start to the job's first phase: RunPod's and our own beginning
IDLE = "idle"  # billed, and nothing of the job is worked on


@dataclass(frozen=True, slots=True)
class Spell:
    """Paid time in one phase; ``phase`` is one of ``Phase``, or BOOT, or IDLE."""

    phase: str
    seconds: float
    dollars: float | None = None


@dataclass(frozen=True, slots=True)
class BootTold:
    """One boot of one pod, as far as it belongs to the run."""

    boot: str
    pod: str | None = None
    gpu: str | None = None  # 1 x NVIDIA RTX A4000
    price_per_hour: float | None = None
    began_at: float | None = None
    seen_at: float | None = None  # the last sign of life
    dollars: float | None = None
    spells: tuple[Spell, ...] = ()
    lives: bool = False  # it was the one that told this
    ending: str | None = None  # how the job ended in it, in words
    stop: str | None = None  # why the pod was asked to stop, in words

    @property
    def seconds(self) -> float | None:
        if self.began_at is None or self.seen_at is None:
            return None
        return max(0.0, self.seen_at - self.began_at)


@dataclass(frozen=True, slots=True)
class Steps:
    """What was seen of an attempt's steps."""

    attempt: int
    last: int | None = None
    redone: int = 0  # steps that an earlier attempt had made
    redone_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stop:
    """How the pod came to be stopped by its agent."""

    because: str
    asked_at: float | None = None
    after_s: float | None = None  # from the end of the training to the request
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """A run's story as it stood at ``at``. Times are seconds since the epoch."""

    at: float
    job: str
    phase: Phase
    version: str = ""
    pod: str | None = None
    run: str | None = None
    order: str | None = None
    command: str = ""
    commit: str | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    remedy: str | None = None
    began_at: float | None = None
    boots: tuple[BootTold, ...] = ()
    phases: tuple[Spell, ...] = ()  # over all boots
    installed: str | None = None  # what from, and how
    attempts: tuple[Attempt, ...] = ()
    steps: tuple[Steps, ...] = ()
    step: int | None = None
    total: int | None = None
    loss: float | None = None
    checkpoint: CheckpointPlace | None = None
    rehearsal: Rehearsal | None = None
    leave: str | None = None  # what the exit policy came to, in words
    paid_s: float | None = None
    dollars: float | None = None
    unpriced_s: float = 0.0  # of the paid seconds, those whose price is unknown: `dollars` is without them
    price_per_hour: float | None = None
    cap: float | None = None
    goodput: float | None = None  # the share of paid time in which new steps were made
    stop: Stop | None = None
    log_bytes: int | None = None
    warnings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()  # what could not be found out, in words
    format: int = 1
