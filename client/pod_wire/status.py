"""What a pod says of itself: phases, outcomes and the frozen Status. Values only; the supervisor publishes them."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - read back by codec
from dataclasses import field
from enum import StrEnum

from pod_wire.frozen import dataclass
from pod_wire.idle import IdleStatus  # noqa: TC001 - the codec reads it
from pod_wire.stall import StallStatus  # noqa: TC001 - the same


class Phase(StrEnum):
    """Where the job is."""

    WAITING = "waiting"  # no job
    SYNCING = "syncing"  # bringing the code
    INSTALLING = "installing"  # making the job's environment
    RESTORING = "restoring"  # choosing the newest whole checkpoint
    RUNNING = "running"  # the command runs, or pauses between two attempts
    DRAINING = "draining"  # the attempt is over; what it made is being brought to safety
    FINISHED = "finished"  # the outcome stands; the exit policy decides what follows
    STOPPING = "stopping"  # asking RunPod to stop this pod, until it does


class Outcome(StrEnum):
    """How a job ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # the pod was taken from under it
    TIMED_OUT = "timed_out"  # a deadline or budget of the user's ended it


class SelfStop(StrEnum):
    """Whether the pod can switch itself off, as far as was found out at boot."""

    PROVED = "proved"  # reading ourselves worked with the pod's key
    UNPROVED = "unproved"  # refused with 403: proves nothing about the right to stop
    IMPOSSIBLE = "impossible"  # no pod id, no key, or 401 everywhere
    UNKNOWN = "unknown"  # not asked yet, or RunPod does not answer


@dataclass(frozen=True, slots=True)
class LogPlace:
    """The job's log: its id, and its size in bytes as far as it may be served."""

    id: str
    size: int


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """Seconds spent in a phase, in order of entering. ``seconds`` is None while it lasts."""

    phase: Phase
    started_at: float
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of the command. Times are seconds since the epoch; ``pid`` is as seen inside the pod."""

    number: int
    pid: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int | None = None  # None: still running, or unknown
    signal: str | None = None  # e.g. "KILL" when a signal ended it
    reason: str | None = None  # in words, e.g. "killed by signal KILL from outside"
    failure: str | None = None  # its class, where it failed by itself: docs/failures.md
    resumed_from: str | None = None  # the checkpoint it was given
    resumed_step: int | None = None  # the step written in that checkpoint


@dataclass(frozen=True, slots=True)
class CheckpointPlace:
    """A checkpoint that was judged whole."""

    path: str
    step: int | None
    size_bytes: int
    seen_at: float


class Rehearsed(StrEnum):
    """How far the rehearsal of resuming has come; it happens once in a run."""

    KILLING = "killing"  # the training is being killed on purpose
    RESUMING = "resuming"  # killed; whether the next attempt goes on is to be seen
    UNSURE = "unsure"  # it saved the same step again, as one that goes on may and one that begins again must
    CONTINUED = "continued"  # it went beyond the step it was killed at
    BEGAN_AGAIN = "began_again"
    UNPROVED = "unproved"  # it ended, or told no steps, before anything was to be seen


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A kill on purpose at a run's first whole checkpoint, and what came of it."""

    state: Rehearsed
    attempt: int  # the one that was killed
    step: int | None = None  # of the checkpoint that the next attempt was given
    text: str = ""  # the finding, in words
    kills: int = 1
    least: int | None = None  # a program that looks by itself may have taken an older one, down to this step

    @property
    def is_over(self) -> bool:
        return self.state in {Rehearsed.CONTINUED, Rehearsed.BEGAN_AGAIN, Rehearsed.UNPROVED}


@dataclass(frozen=True, slots=True)
class Held:
    """The pod is kept for a job that failed before its first step; its exit policy follows at ``until``."""

    until: float
    minutes: float
    by: str | None = None  # who follows; None: nobody was seen yet
    come_by: float | None = None  # somebody must be seen by then: whoever reads this is
    over_at: float | None = None  # ``until`` on the pod's clock that never jumps


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One job: what it is, where it is, how it ended."""

    name: str
    spec_hash: str
    phase: Phase
    run: str | None = None
    order: str | None = None
    command: str = ""
    commit: str | None = None
    attempts: tuple[Attempt, ...] = ()
    checkpoint: CheckpointPlace | None = None  # the newest whole one
    phases: tuple[PhaseTime, ...] = ()
    log: LogPlace | None = None
    outcome: Outcome | None = None
    reason: str | None = None  # why it ended so, in words
    remedy: str | None = None
    warnings: tuple[str, ...] = ()
    next_attempt_at: float | None = None  # while pausing between two attempts
    doing: str | None = None  # what a long phase is at, in words
    rehearsal: Rehearsal | None = None
    held: Held | None = None
    leave: str | None = None  # what the exit policy came to, and why, where that takes words


class ServiceState(StrEnum):
    """How a service of the pod is. Readers know none of them for sure: more may come."""

    OFF = "off"  # it is not to run here; its words say why
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"  # it ended, and is started again in a moment
    FAILED = "failed"  # it ended at once, time after time; it is tried again rarely
    ENDED = "ended"  # by us, as the pod is going


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service beside the job. ``state`` is a ServiceState, or a word of a newer agent."""

    name: str
    state: str
    since: float  # when it came to be so
    restarts: int = 0
    pid: int | None = None
    words: str | None = None  # its last ones, or why it does not run
    remedy: str | None = None
    is_expected: bool = True  # False: nobody asked for it, so that it does not run is no news


@dataclass(frozen=True, slots=True)
class GpuStatus:
    """A GPU of the pod a second ago. None is not available: never 0."""

    gpu: str  # 0; 0:1 is a slice of it
    name: str = ""
    utilization: float | None = None  # 0 to 1
    memory_used_bytes: int | None = None
    memory_bytes: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    temperature_celsius: float | None = None
    fault: str | None = None  # why nothing more is known of it


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the training is, as its log and files tell. Rates are per second; None: not told, or not known yet."""

    source: str | None = None  # which one was believed, in words
    step: int | None = None
    total: int | None = None
    epoch: float | None = None
    epochs: float | None = None
    loss: float | None = None  # the newest that is a number
    loss_is_nan: bool = False  # the newest is none
    losses: tuple[float, ...] = ()  # the run's, thinned out, oldest first
    scalars: Mapping[str, float] = field(default_factory=dict)
    rate: float | None = None  # steps
    eta_s: float | None = None  # until the last step
    eta_least_s: float | None = None
    eta_most_s: float | None = None
    eta_is_sure: bool = False  # False: a first guess
    step_at: float | None = None  # when the step last changed
    first_step_at: float | None = None  # of this attempt
    advanced_s: float = 0.0  # seconds of the run in which steps came that had not been there
    notes: tuple[str, ...] = ()  # what of the user's way to read it does not work


@dataclass(frozen=True, slots=True)
class Money:
    """What the training costs, in dollars. None: the price, or the end, is not known."""

    price_per_hour: float | None = None
    boot: float | None = None
    run: float | None = None  # over all boots and pods
    run_s: float = 0.0  # the same, in billed seconds
    unpriced_s: float = 0.0  # of those, the ones whose price is unknown: `run` is without them
    to_finish: float | None = None
    cap: float | None = None
    cap_step: int | None = (
        None  # where the cap is crossed at this speed; None: the end comes first, or unknown
    )
    goodput: float | None = None  # the share of paid time in which steps advanced


@dataclass(frozen=True, slots=True)
class Status:
    """The whole pod at one moment, frozen; the API serves exactly this. Times are seconds since the epoch."""

    version: str
    now: float
    phase: Phase
    boot: str | None = None
    pod: str | None = None
    booted_at: float | None = None
    job: JobStatus | None = None
    self_stop: SelfStop = SelfStop.UNKNOWN
    stop_attempts: int = 0
    stop_error: str | None = None  # the last refusal, in words
    stops_at: float | None = None  # the earliest known moment at which the pod will stop itself
    stops_because: str | None = None
    deadline_at: float | None = None  # by POD_MAX_HOURS
    price_per_hour: float | None = None
    cost: float | None = None  # dollars of this boot so far; None when the price is unknown
    warnings: tuple[str, ...] = field(default=())
    services: tuple[ServiceStatus, ...] = ()
    idle: IdleStatus | None = None  # None: an agent that does not tell
    gpus: tuple[GpuStatus, ...] | None = None  # None: nobody knows; empty: there is none
    progress: Progress | None = None
    money: Money | None = None
    receipt: Mapping[str, object] | None = None  # of a job that has ended: a ``receipt.Receipt``, as JSON
    budget_at: float | None = None  # when the run has cost its POD_MAX_COST
    price_source: str | None = None  # who told the price, in words
    stall: StallStatus | None = None  # of a running job
    boot_s: float | None = (
        None  # how long this boot has lasted, whatever was done to the clock; None: nobody counts
    )
    format: int = 1
