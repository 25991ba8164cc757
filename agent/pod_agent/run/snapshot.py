"""The frozen Status that the API serves, made from the machine's state and what is known of the pod. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod import brakes
from pod_agent.run import hold, leaving
from pod_wire.frozen import dataclass
from pod_wire.job import ExitPolicy
from pod_wire.status import JobStatus, LogPlace, Money, Phase, Progress, SelfStop, ServiceStatus, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_agent.pod.brakes import Deadline
    from pod_agent.pod.idle.brake import Brake
    from pod_agent.pod.idle.judge import Verdict
    from pod_agent.run.bill import Bill
    from pod_agent.run.situation import State
    from pod_agent.run.state import Job
    from pod_wire.idle import IdleStatus
    from pod_wire.stall import StallStatus
    from pod_wire.status import Held

SECONDS_PER_HOUR = 3600.0
OVER = (Phase.FINISHED, Phase.STOPPING)
RESTING = (Phase.WAITING, Phase.FINISHED)


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What is known of the pod besides the job. Replaced whole, never changed."""

    version: str = ""
    pod: str | None = None
    boot: str | None = None
    booted_at: float | None = None
    self_stop: SelfStop = SelfStop.UNKNOWN
    price: float | None = None
    price_source: str = ""  # who told it, in words
    disk_gb: float | None = None  # the pod's own disk, billed also while it is stopped
    deadline: Deadline | None = None  # of this boot, as the container's disk tells
    bill: Bill | None = None  # what the run has cost, and when that reaches its cap
    idle_minutes: float = 15.0  # while there is no job
    log: LogPlace | None = None
    doing: str | None = None  # what a long step is at
    warnings: tuple[str, ...] = ()
    services: tuple[ServiceStatus, ...] = ()  # those beside the job
    brake: Brake | None = None  # the signals of idleness; without them only the job's absence counts
    brake_by: float | None = None  # monotonic: they come, and until then nothing is decided
    told_of: str = ""  # the run to which the next two belong
    progress: Progress | None = None  # of the training, as far as its log and files tell
    money: Money | None = None
    gpu: str | None = None  # 1 x NVIDIA RTX A4000, as RunPod calls it
    receipt: Mapping[str, object] | None = None  # of a job that has ended
    stall: StallStatus | None = None  # of the attempt that runs


def portray(
    state: State,
    facts: PodFacts,
    now: float,
    idle_left_s: float | None,
    idle: IdleStatus | None = None,
    *,
    mono: float,
) -> Status:
    """Everything a reader may know at this moment."""
    pulls = [(brakes.shown(one, now, mono), brakes.kind(one)) for one in deadlines_of(state, facts)]
    ends = {kind: at for at, kind in pulls}
    held = hold.shown(state, facts.brake.leases if facts.brake is not None else ())
    stops_at, because = _stop(state, now, idle_left_s, pulls, held)
    is_told = state.job is not None and state.job.run == facts.told_of
    return Status(
        version=facts.version,
        now=now,
        phase=state.phase,
        boot=facts.boot,
        pod=facts.pod,
        booted_at=facts.booted_at,
        job=_job(state.job, state, facts, held) if state.job is not None else None,
        self_stop=facts.self_stop,
        stop_attempts=state.stop_rounds,
        stop_error=state.stop_error,
        stops_at=stops_at,
        stops_because=because,
        deadline_at=ends.get("deadline"),
        budget_at=ends.get("budget"),
        price_per_hour=facts.price,
        price_source=facts.price_source or None,
        cost=_cost(facts, now),
        warnings=(*facts.warnings, *state.warnings, *((state.waits_because,) if state.waits_because else ())),
        services=facts.services,
        idle=idle,
        progress=facts.progress if is_told else None,
        money=facts.money if is_told else None,
        receipt=_receipt(state, facts),
        stall=facts.stall if state.phase is Phase.RUNNING else None,
        boot_s=None if facts.bill is None else facts.bill.boot_s,
    )


def deadlines_of(state: State, facts: PodFacts) -> tuple[Deadline, ...]:
    """By hours and by dollars; while no folder has opened, the one that the container's disk tells."""
    job = state.job
    if job is None:
        return () if facts.deadline is None else (facts.deadline,)
    bill = facts.bill
    kept = facts.deadline if facts.deadline is not None and facts.deadline.order == job.order else None
    by_cost = kept if kept is not None and kept.dollars is not None else None  # until the bill is added up
    if bill is not None and bill.is_of(job.run, job.order):
        by_cost = bill.deadline
    return tuple(one for one in (job.deadline, by_cost) if one is not None)


def next_deadline(state: State, facts: PodFacts, now: float, mono: float) -> tuple[float, Deadline] | None:
    """The first one, and the seconds until then."""
    lefts = [(brakes.left_s(one, now, mono), one) for one in deadlines_of(state, facts)]
    return min(lefts, key=lambda one: one[0], default=None)


def idle_minutes(state: State, facts: PodFacts) -> float:
    return state.job.spec.idle_minutes if state.job is not None else facts.idle_minutes


def _stop(
    state: State, now: float, idle_left_s: float | None, pulls: list[tuple[float, str]], held: Held | None
) -> tuple[float | None, str | None]:
    """The earliest moment at which the pod will stop itself, as far as anybody knows."""
    if state.phase is Phase.STOPPING:
        return now, state.stop_because
    moments = list(pulls)
    if held is not None and state.job is not None:
        moments += _after_hold(state.job, held)
    if idle_left_s is not None:
        moments.append((now + idle_left_s, "idle"))
    return min(moments, default=(None, None))


def _after_hold(job: Job, held: Held) -> list[tuple[float, str]]:
    """Somebody reads this: so it is not over before. A pod that is kept has all its idle minutes after it."""
    if leaving.of(job).policy is not ExitPolicy.KEEP:
        return [(held.until, "hold")]
    minutes = job.spec.idle_minutes
    return [(held.until + minutes * brakes.MINUTE_S, "idle")] if minutes > 0 else []


def _cost(facts: PodFacts, now: float) -> float | None:
    if facts.price is not None and facts.bill is not None:
        return round(facts.bill.boot_s * facts.price / SECONDS_PER_HOUR, 6)
    if facts.price is None or facts.booted_at is None:
        return None
    return round(max(0.0, now - facts.booted_at) * facts.price / SECONDS_PER_HOUR, 6)


def _job(job: Job, state: State, facts: PodFacts, held: Held | None) -> JobStatus:
    """The job's face. How it ended is told when it *has* ended, not when that was decided."""
    ending = job.ending if state.phase in OVER else None
    return JobStatus(
        name=job.name,
        spec_hash=job.spec.spec_hash(),
        phase=Phase.FINISHED if state.phase is Phase.STOPPING else state.phase,
        run=job.run or None,
        order=job.order,
        command=job.spec.command,
        commit=job.commit,
        attempts=job.attempts,
        checkpoint=job.checkpoint,
        phases=job.phases,
        log=facts.log,
        doing=facts.doing if state.phase not in OVER else None,
        outcome=ending.outcome if ending is not None else None,
        reason=(ending.reason or None) if ending is not None else None,
        remedy=(ending.remedy or None) if ending is not None else None,
        warnings=job.warnings,
        next_attempt_at=state.next_attempt_at,
        rehearsal=job.rehearsal,
        held=held,
        leave=(job.leave.because or None) if ending is not None and job.leave is not None else None,
    )


def _receipt(state: State, facts: PodFacts) -> Mapping[str, object] | None:
    """Of the order that has ended, not of one before it; with how the pod is left, which is reckoned after it."""
    job, told = state.job, facts.receipt
    if job is None or told is None or told.get("order") != job.order or state.phase not in OVER:
        return None
    leave = job.leave.because if job.leave is not None else ""
    return {**told, "leave": leave} if leave and not told.get("leave") else told


def is_at_rest(state: State) -> bool:
    """Whether idleness counts: no job is worked on, and no pod held for one."""
    return state.phase in RESTING and not state.opening and hold.of(state) is None


def idle_left(state: State, facts: PodFacts, since_mono: float, mono: float) -> float | None:
    """Seconds until idleness stops the pod; None while a job is worked on."""
    if not is_at_rest(state):
        return None
    if facts.brake is None and facts.brake_by is not None and mono < facts.brake_by:
        return None
    verdict = idle_verdict(state, facts, since_mono, mono)
    if facts.brake is None or verdict is None:
        return brakes.idle_left(since_mono, idle_minutes(state, facts), mono)
    return facts.brake.left_s(verdict, mono)


def idle_verdict(state: State, facts: PodFacts, since_mono: float, mono: float) -> Verdict | None:
    """What the signals say; None where nobody collects them."""
    if facts.brake is None:
        return None
    return facts.brake.verdict(since_mono if is_at_rest(state) else None, idle_minutes(state, facts), mono)


def idle_reason(state: State, facts: PodFacts, since_mono: float, mono: float) -> str:
    verdict = idle_verdict(state, facts, since_mono, mono)
    if verdict is None:
        return brakes.idle_reason(idle_minutes(state, facts))
    from pod_agent.pod.idle import words  # noqa: PLC0415 - loaded by now, and not while a training begins

    return words.reason(verdict)


def idle_status(
    state: State, facts: PodFacts, since_mono: float, now: float, mono: float
) -> IdleStatus | None:
    """The same for whoever asks why the pod still runs."""
    verdict = idle_verdict(state, facts, since_mono, mono)
    if facts.brake is None or verdict is None:
        return None
    return facts.brake.status(verdict, state.phase, now, mono)
