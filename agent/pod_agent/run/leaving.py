"""What the exit policy comes to for a job that has ended: stop, terminate or keep, with the reason in words. Pure.

``auto`` reckons: a week of the stopped pod's disk against a new pod's way to its first step. Whatever is not known
means stop. The proof rule stands above every policy. Not here: looking (``parting``), and ending the pod (``exits``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.run.left import Leave
from pod_wire import proof
from pod_wire.frozen import dataclass
from pod_wire.job import ExitPolicy
from pod_wire.proof import Estate, Keeps, Way
from pod_wire.runpod.prices import stopped_disk
from pod_wire.status import Outcome, Phase

if TYPE_CHECKING:
    from pod_agent.run.state import Job
    from pod_wire.status import Progress

DAYS = 7  # for so long a disk is reckoned: who comes back, comes within days
HOUR_S, MINUTE_S = 3600.0, 60.0
SET_UP = (Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING)
KEPT = "the pod is kept, and stops when it is idle"


@dataclass(frozen=True, slots=True)
class Numbers:
    """For the arithmetic. None: not known, which is never 0."""

    disk_gb: float | None = None  # the pod's own disk
    price: float | None = None  # dollars an hour
    again_s: float | None = None  # what a new pod spends until its first step


def decide(policy: ExitPolicy, estate: Estate, numbers: Numbers, *, is_braked: bool) -> Leave:
    """The policy as it can be done here. ``is_braked``: idleness stops a pod that is kept."""
    match policy:
        case ExitPolicy.KEEP | ExitPolicy.EXIT:
            return Leave(policy)
        case ExitPolicy.AUTO:
            found = reckon(estate, numbers)
            if found.policy is ExitPolicy.TERMINATE:
                return found
            return _stop(estate, found.because, is_braked=is_braked)
        case ExitPolicy.TERMINATE:
            proved = proof.judge(Way.TERMINATE, estate)
            if proved.allowed:
                return Leave(policy)
            return _stop(estate, f"not terminated, as {proved.because}", is_braked=is_braked)
        case ExitPolicy.STOP:
            return _stop(estate, "", is_braked=is_braked)


def of(job: Job) -> Leave:
    """What was decided when the job had drained; where nothing could be found out then, as far as that may be."""
    if job.leave is not None:
        return job.leave
    is_good = job.ending is not None and job.ending.outcome is Outcome.SUCCEEDED
    policy = job.spec.on_finish if is_good else job.spec.on_failure
    alone = proof.made(len(job.attempts), job.checkpoint)
    unseen = Estate(Keeps.UNKNOWN, alone, may_be_lost=job.spec.ephemeral, others=(proof.UNSEEN,))
    return decide(policy, unseen, Numbers(), is_braked=job.spec.idle_minutes > 0)


def _stop(estate: Estate, because: str, *, is_braked: bool) -> Leave:
    """Even a stop wipes what lies on no mount: then there is time to fetch it, where the time has an end."""
    proved = proof.judge(Way.STOP, estate)
    if proved.allowed or not is_braked:
        return Leave(ExitPolicy.STOP, because)
    words = f"not stopped at once, as {proved.because}, on no mount; {KEPT}"
    return Leave(ExitPolicy.KEEP, f"{because}; {words}" if because else words)


def reckon(estate: Estate, numbers: Numbers) -> Leave:
    """``auto``, with its figures."""
    unknown = _unknown(estate, numbers)
    if unknown is not None:
        return Leave(ExitPolicy.STOP, f"auto: stop, as {unknown}")
    gb, price, again_s = numbers.disk_gb or 0.0, numbers.price or 0.0, numbers.again_s or 0.0
    keeping, again = stopped_disk(gb, DAYS), price * again_s / HOUR_S
    figures = (
        f"its {gb:g} GB disk costs {dollars(keeping)} a week while it is stopped, a new pod's way to its first step "
        f"{dollars(again)} ({span(again_s)} at {dollars(price)}/h)"
    )
    if keeping <= again:
        return Leave(ExitPolicy.STOP, f"auto: stop, as {figures}")
    proved = proof.judge(Way.TERMINATE, estate)
    if not proved.allowed:
        return Leave(ExitPolicy.STOP, f"auto: stop, as {proved.because}; {figures}")
    return Leave(ExitPolicy.TERMINATE, f"auto: terminate, as {figures}; {proved.because}")


def _unknown(estate: Estate, numbers: Numbers) -> str | None:
    """Why nothing can be reckoned, or need not be."""
    match estate.keeps:
        case Keeps.NETWORK:
            return "its network volume is billed either way, and a stopped pod costs nothing beside it"
        case Keeps.NOTHING:
            return "it has no disk that would be billed"
        case Keeps.UNKNOWN:
            return "what it has for a disk is not known"
        case Keeps.DISK:
            pass
    if not numbers.disk_gb:
        return "the size of its disk is not known"
    if not numbers.price:
        return "its price is not known"
    if numbers.again_s is None:
        return "how long a new pod needs until its first step is not known"
    return None


def then(policy: ExitPolicy) -> str:
    """What follows a hold."""
    match policy:
        case ExitPolicy.TERMINATE:
            return "then the pod is terminated"
        case ExitPolicy.KEEP | ExitPolicy.EXIT:
            return "then it stops when it is idle"
        case ExitPolicy.STOP | ExitPolicy.AUTO:
            return "then it stops"


def again_s(job: Job, progress: Progress | None) -> float | None:
    """The longest way to a first step that this run has seen: code, packages, checkpoint, and what the command does.

    A later boot finds most of it there; what it took the first time is what a new pod pays.
    """
    last = job.attempts[-1] if job.attempts else None
    first = progress.first_step_at if progress is not None else None
    if last is None or last.started_at is None or first is None or first < last.started_at:
        return job.way_s
    return max(job.way_s or 0.0, _set_up_s(job) + first - last.started_at)


def _set_up_s(job: Job) -> float:
    """The longest stretch of phases before an attempt."""
    longest = stretch = 0.0
    for time in job.phases:
        stretch = stretch + (time.seconds or 0.0) if time.phase in SET_UP else 0.0
        longest = max(longest, stretch)
    return longest


def dollars(value: float) -> str:
    return f"${value:.2f}" if value >= 0.1 or value == 0 else f"${value:.4f}"  # noqa: PLR2004 - cents tell no more


def span(seconds: float) -> str:
    return f"{seconds / MINUTE_S:.0f} min" if seconds >= MINUTE_S else f"{seconds:.0f} s"
