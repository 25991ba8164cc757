"""That no stop comes before it is due: why a pod is stopped, held against what truly happened in its boot.

Reckoned from the world's own moments (a training ended, an order or a lease was given, somebody typed), never from what
the product has counted. Not here: that a stop comes in time (``invariants``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.job import ExitPolicy
from pod_wire.status import Outcome, Phase
from tests.agent.histories.account import WORK, Account, Broken

if TYPE_CHECKING:
    from pod_agent.run.situation import State
    from tests.agent.histories.host import Pod

EARLY_S = 2.0
FORGOTTEN_S = (
    100.0  # of people: seen at a look and kept at one; an agent that died between the two has lost so much
)
DROPPED_S = 60.0  # an agent that begins waits for ten seconds, and looks are twenty apart
MINUTE_S = 60.0


def check(pod: Pod, account: Account, because: str, *, terminate: bool) -> None:
    """A stop has been decided. What an earlier agent of the boot had decided is only gone on with."""
    if account.decision == because:
        return
    account.decision = because
    kind = because.partition(":")[0]
    if kind == "deadline":
        by_hours(pod, account, account.not_before(pod), because)
    elif kind == "idle":
        _for_idleness(pod, account)
    elif because == "asked to stop":
        if not account.is_stop_asked:
            raise Broken(f"{pod.id} is stopped as asked, and nobody has asked")
    elif because.startswith("the job has "):
        _for_its_end(pod, account, because, terminate=terminate)
    else:
        raise Broken(f"{pod.id} is stopped for what nobody knows: {because}")


def goes_on(pod: Pod, account: Account, state: State, seconds: float) -> None:
    """A stop that was decided outlives the agent that decided it."""
    if state.phase in WORK:
        account.decision = None  # the order goes on
    is_kept = account.decision is not None and account.decision == account.asked_for
    is_gone_on_with = not is_kept or state.phase is Phase.STOPPING or pod.is_stopping
    account.dropped_s = 0.0 if is_gone_on_with else account.dropped_s + seconds
    if account.dropped_s > DROPPED_S:
        raise Broken(f"{pod.id} was being stopped ({account.decision}), and nobody goes on with it")


def by_hours(pod: Pod, account: Account, limit: float | None, because: str) -> None:
    """No later boot is stopped by an earlier deadline, nor any before its own."""
    if limit is None or pod.world.time.t < limit - account.fast_s - EARLY_S:
        raise Broken(f"{pod.id} is stopped too early ({because}): its deadline is {limit}")


def worked_at(pod: Pod, account: Account) -> float:
    """When there was something to work on for the last time, at the least."""
    ends = [one.over_at for one in pod.trainings.values() if one.over_at is not None]
    return max([pod.booted_at, account.worked_at, *ends])


def _for_idleness(pod: Pod, account: Account) -> None:
    t, state = pod.world.time.t, pod.state
    spec = state.job.spec if state is not None and state.job is not None else pod.asked.job
    minutes = 15.0 if spec is None else spec.idle_minutes
    if minutes <= 0:
        raise Broken(f"{pod.id} is stopped for idleness, and idleness does not stop it")
    is_known = state is None or state.job is None or state.job.revision >= 0  # its folder could be read
    if is_known and any(one.is_alive and not one.is_asked for one in pod.trainings.values()):
        raise Broken(f"{pod.id} is stopped for idleness amid a training")
    dues = {
        "its rest": worked_at(pod, account) + minutes * MINUTE_S,
        "people": account.people_at - FORGOTTEN_S + minutes * 2 * MINUTE_S,
        "a lease": account.leased_until,
        "its hold": account.held_until if is_known else 0.0,
    }
    what, due = max(dues.items(), key=lambda one: one[1])
    if t < due - EARLY_S:
        raise Broken(f"{pod.id} is stopped for idleness too early: {what} lasts until {due:.1f}")


def _for_its_end(pod: Pod, account: Account, because: str, *, terminate: bool) -> None:
    """What the job's end brings: not amid its training, not against its policy, not before its hold is over."""
    t, job = pod.world.time.t, _job(pod.state)
    if job is None or job.ending is None:
        raise Broken(f"{pod.id} is stopped, as {because}, and has no job that ended")
    is_own = job.revision >= 0  # of a folder that could not be read nobody knows whether it is trained in
    if is_own and any(one.is_alive and not one.is_asked for one in pod.trainings.values()):
        raise Broken(f"{pod.id} is stopped amid a training, as {because}")
    policy = job.spec.on_finish if job.ending.outcome is Outcome.SUCCEEDED else job.spec.on_failure
    if policy is ExitPolicy.KEEP:
        raise Broken(f"{pod.id} is stopped, as {because}, and shall be kept")
    if terminate and policy not in {ExitPolicy.TERMINATE, ExitPolicy.AUTO}:
        raise Broken(f"{pod.id} is terminated, as {because}, and shall be stopped")
    until = max(account.held_until, account.leased_until if account.held_until > 0 else 0.0)
    if is_own and t < until - EARLY_S:
        raise Broken(f"{pod.id} is stopped too early, as {because}: it is held until {until:.1f}")


def _job(state: State | None):
    return None if state is None else state.job


def parted(pod: Pod, account: Account, order: str, whole_s: float, come_s: float) -> None:
    """A job has ended with a hold: for so long at most, and for so long if nobody comes."""
    t, limit = pod.world.time.t, account.limits.get(order)
    account.parted[order] = (t + whole_s if limit is None else min(t + whole_s, limit), t + come_s)


def hold(pod: Pod, account: Account, state: State) -> None:
    """Somebody is told that the pod is held: that is a promise, whatever dies meanwhile."""
    job = state.job
    if state.phase is not Phase.FINISHED or job is None or job.held is None:
        return
    whole, come = account.parted.get(job.order, (0.0, 0.0))
    account.held_until = max(account.held_until, whole if job.held.by is not None else min(whole, come))
