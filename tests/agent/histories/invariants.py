"""What must hold in every history, held against the truth of the world, not against what the product believes.

Each promise is one method of ``Watcher`` that raises Broken; docs/lifecycle.md names them for people. Not here: what
happens (``world``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.last_resort import Verdict as Resorted
from pod_agent.run import state as records
from pod_agent.run.situation import State
from pod_agent.run.snapshot import RESTING
from pod_agent.run.state import Job
from pod_wire.errors import BadInput
from pod_wire.job import JobSpec
from pod_wire.status import Outcome, Phase
from tests.agent.histories import due
from tests.agent.histories.account import (
    DEAD_S,
    FINAL,
    LATE_S,
    LIFE_S,
    LOUD_S,
    TRIES_S,
    UNUSED_S,
    WORK,
    Account,
    Broken,
)

if TYPE_CHECKING:
    from tests.agent.histories.host import Pod
    from tests.agent.histories.life import Agent
    from tests.agent.histories.world import World


class Watcher:
    """Told of everything by the world."""

    def __init__(self, world: World):
        self._world = world
        self._accounts: dict[str, Account] = {}
        self._ended: dict[tuple[str, str], Outcome] = {}  # decided, told, and on the volume
        self._near: dict[tuple[str, str], tuple[str, Outcome]] = {}  # told, and on the pod's own disk so far
        self._last: dict[str, tuple[JobSpec | None, str | None, str | None]] = {}  # asked, and what stood
        self._unasked: dict[
            str, tuple[int, set[str]]
        ] = {}  # orders that an agent made up, and how many it may

    @property
    def _t(self) -> float:
        return self._world.time.t

    # What happened

    def booted(self, pod: Pod) -> None:
        account = Account()
        job, order, stood = self._last.get(pod.id, (None, None, None))
        is_same = (job, order) == (pod.asked.job, pod.asked.order)
        ended = (
            self._ended.get((job.name, stood)) if is_same and job is not None and stood is not None else None
        )
        if ended is Outcome.INTERRUPTED and self._world.hangs_until <= self._t:
            account.expects = stood
        if pod.id not in self._last or job != pod.asked.job:
            may, made = self._unasked.get(pod.id, (0, set()))
            self._unasked[pod.id] = (may + 1, made)
        self._last[pod.id] = (pod.asked.job, pod.asked.order, stood if is_same else None)
        self._accounts[pod.id] = account

    def off(self, pod: Pod) -> None:
        self.wiped(pod)

    def wiped(self, pod: Pod) -> None:
        """What lay on the pod's own disk alone is gone, and nobody can know of it."""
        self._settle()
        self._near = {key: one for key, one in self._near.items() if one[0] != pod.id}
        account = self._accounts[pod.id]
        account.worked_at = due.worked_at(pod, account)
        account.unused_s, account.leased_until, account.people_at = 0.0, -1e9, -1e9
        account.decision = None

    def settled(self, pod: Pod) -> None:
        """An agent knows which boot this is; of one that died before it could remember nobody knows."""
        account = self._accounts[pod.id]
        if account.began_at is None:
            account.began_at = self._t

    def unread(self, pod: Pod) -> None:
        """The pod's own record could not be read: where RunPod does not tell either, the boot is as if it began now."""
        account = self._accounts[pod.id]
        account.first.clear()
        account.limits.clear()
        account.is_unread = True
        account.given.clear()
        account.began_at = self._t
        account.fast_s = max(account.fast_s, pod.clock.error)  # RunPod's moment is all that is known then
        account.expects = None
        may, made = self._unasked.get(pod.id, (0, set()))
        self._unasked[pod.id] = (may + 1, made)

    def ordered(self, pod: Pod, order: str, *, is_begun: bool) -> None:
        """``is_begun``: it is worked on from now."""
        account = self._accounts[pod.id]
        account.given.setdefault(order, self._t)
        if is_begun:
            account.worked_at, account.held_until, account.decision = self._t, -1e9, None

    def of(self, pod: Pod) -> Account:
        """Of its boot."""
        return self._accounts[pod.id]

    def resorted(self, pod: Pod, verdict: Resorted) -> None:
        if verdict.stop and "deadline" in verdict.why:
            job = pod.asked.job
            limits = list(self._accounts[pod.id].earliest.values())
            if job is not None and job.max_hours is not None:
                limits.append(pod.booted_at + job.max_hours * 3600)
            because = "the last resort: " + verdict.why
            due.by_hours(pod, self._accounts[pod.id], min(limits, default=None), because)

    def begins(self, pod: Pod, job: Job, number: int) -> None:
        """No finished order runs again; no order is made up; no two trainings of a job live at once."""
        ended = self._ended.get((job.name, job.order))
        if ended in FINAL:
            raise Broken(f"order {job.order} is {ended}, and attempt {number} of it begins")
        if any(one.is_alive and one.job == job.name for one in pod.trainings.values()):
            raise Broken(f"attempt {number} begins beside another one of {job.name}")
        if not job.order.startswith(("o", "p")):
            may, made = self._unasked[pod.id]
            made.add(job.order)
            if len(made) > may:
                raise Broken(f"order {job.order} was given by nobody: its job was asked for {may} times")

    # What is seen

    def looked(self, pod: Pod) -> None:
        """The state of an agent has changed."""
        state, account = pod.state, self._accounts[pod.id]
        if state is None or state.job is None or state.opening:
            return
        job = state.job
        due.hold(pod, account, state)
        if account.expects is not None:
            expects, account.expects = account.expects, None
            if job.order == expects and state.phase is Phase.FINISHED:
                raise Broken(f"order {expects} was interrupted, and does not go on after the next boot")
        if state.phase in (*WORK, Phase.DRAINING):
            account.order = job.order
            given = account.given.get(job.order, account.began_at or pod.booted_at)
            if job.spec.max_hours is not None and job.order not in account.limits:
                span = job.spec.max_hours * 3600
                account.limits[job.order] = max(self._t, given + span)
                account.earliest[job.order] = span + (pod.booted_at if account.is_unread else given)
            asked, order, _ = self._last[pod.id]
            self._last[pod.id] = (asked, order, job.order)
            self._ended = {
                key: one for key, one in self._ended.items() if key != (job.name, job.order) or one in FINAL
            }
        is_own = (
            job.revision >= 0
        )  # a record made in the stead of one that could not be read says nothing of it
        if state.phase in (Phase.FINISHED, Phase.STOPPING) and job.ending is not None and is_own:
            self._outcome(pod, job, job.ending.outcome)

    def _outcome(self, pod: Pod, job: Job, outcome: Outcome) -> None:
        """An outcome that was told never changes."""
        key = (job.name, job.order)
        known = self._ended.get(key) or self._near.get(key, ("", None))[1]
        if known in FINAL and known is not outcome:
            raise Broken(f"order {job.order} was {known}, and is {outcome} now")
        if key not in self._ended:
            self._near[key] = (pod.id, outcome)
            self._settle()

    def _settle(self) -> None:
        """What lies on the volume by now."""
        for key, (_, outcome) in list(self._near.items()):
            path = self._world.workspace / ".podkeep" / "jobs" / key[0] / records.FILE
            try:
                job = records.load(path.read_bytes())
            except (OSError, BadInput):
                continue
            if job.order == key[1] and job.ending is not None and job.ending.outcome is outcome:
                self._ended[key] = outcome
                del self._near[key]

    def tick(self, pod: Pod, seconds: float) -> None:
        """Time has passed, and the pod was billed."""
        account, state = self._accounts[pod.id], pod.state
        agent = pod.entry.agent if pod.entry is not None else None
        is_trying = pod.is_stopping or self._t - account.asked_at <= TRIES_S
        self._near_its_deadline(pod, account, agent, seconds if not is_trying else 0.0)
        if state is None or agent is None:
            self._unused(pod, account, None, 0.0 if is_trying else seconds)
            return
        self._is_not_put_off(pod, account, agent, state)
        due.goes_on(pod, account, state, seconds)
        self._is_loud(account, agent, state, is_trying=is_trying)
        self._is_bounded(agent, state)
        busy = is_trying or state.opening or agent.deeds.is_stepping or state.next_attempt_at is not None
        self._unused(pod, account, agent, 0.0 if busy else seconds)

    def _near_its_deadline(self, pod: Pod, account: Account, agent: Agent | None, idly_s: float) -> None:
        limit = account.limits.get(account.order or "")
        if limit is None or self._t <= limit or not idly_s:
            account.late_s = 0.0 if limit is None else account.late_s
            return
        if agent is not None and agent is not account.agent:
            account.agent, account.lives = agent, account.lives + 1
        if agent is not None:
            account.late_s += min(idly_s, self._t - limit)
        if account.late_s > LATE_S + 20.0 + LIFE_S * account.lives:
            raise Broken(
                f"{pod.id} is beyond its deadline of {limit:.1f} for {account.late_s:.0f} s, and asks nobody"
            )
        if self._t - max(limit, account.asked_at) > DEAD_S:
            raise Broken(
                f"{pod.id} is beyond its deadline of {limit:.1f}, and nobody has asked for {DEAD_S:.0f} s"
            )

    def _is_not_put_off(self, pod: Pod, account: Account, agent: Agent, state: State) -> None:
        """A deadline within a boot is never put off by a crash, a restart or a set clock."""
        supervisor = agent.supervisor
        if supervisor is None or state.opening or state.job is None or state.phase is Phase.STOPPING:
            return
        since = (agent, pod.clock.wall, state.job.order)
        if account.looked_since == since:
            return
        account.looked_since = since
        told = supervisor.snapshot().deadline_at
        if told is None:
            return
        left = told - pod.clock.now()
        moment = self._t + left
        first = account.first.setdefault(state.job.order, moment)
        if left > 0 and moment > first + 60.0:
            raise Broken(f"the deadline of {pod.id} was {first:.1f} and is {moment:.1f} now")

    def _is_loud(self, account: Account, agent: Agent, state: State, *, is_trying: bool) -> None:
        if state.phase is not Phase.STOPPING:
            account.stopping = None
            return
        if account.stopping is None or account.stopping[0] is not agent:
            account.stopping = (agent, self._t)
        if self._t - account.stopping[1] > LOUD_S and not (
            is_trying and state.stop_rounds and state.stop_error
        ):
            raise Broken(f"stopping for {LOUD_S:.0f} s: rounds {state.stop_rounds}, error {state.stop_error}")

    def _is_bounded(self, agent: Agent, state: State) -> None:
        """While nothing is worked on, the moment of the next stop is known."""
        supervisor = agent.supervisor
        is_held = state.job is not None and state.job.held is not None  # its end is known
        if supervisor is None or state.phase not in RESTING or state.opening or is_held:
            return
        minutes = state.job.spec.idle_minutes if state.job is not None else supervisor.facts.idle_minutes
        is_early = self._t - agent.began_at < 130.0
        if minutes > 0 and not is_early and supervisor.idle_left_s() is None:
            raise Broken(f"{state.phase}, and nobody knows when the pod stops")

    def _unused(self, pod: Pod, account: Account, agent: Agent | None, seconds: float) -> None:
        """A pod on which nothing goes on is stopped, whatever becomes of its agents."""
        world, job = self._world, pod.asked.job
        minutes = 15.0 if job is None else job.idle_minutes
        supervisor = agent.supervisor if agent is not None else None
        if supervisor is not None and supervisor.state.job is not None:
            minutes = supervisor.state.job.spec.idle_minutes
        is_held = max(account.leased_until, account.held_until, world.people_until) > self._t
        if (not seconds and agent is not None) or pod.trains or minutes <= 0 or is_held:
            account.unused_s = 0.0
        else:
            account.unused_s += seconds
        if account.unused_s > minutes * 120.0 + UNUSED_S:
            idle = supervisor.snapshot().idle if supervisor is not None else None
            raise Broken(f"{pod.id} is billed for nothing since {account.unused_s:.0f} s: {idle}")

    def over(self) -> None:
        """The history is over, and everything worked for a while: no pod is on, unless it was asked to stay."""
        for pod in self._world.pods:
            state = pod.state
            if not pod.is_on:
                continue
            if state is not None and state.phase in RESTING:
                job = state.job.spec if state.job is not None else pod.asked.job
                if job is not None and job.idle_minutes <= 0:
                    continue
            error = state.stop_error if state is not None else None
            raise Broken(f"{pod.id} was never stopped: {state.phase if state else 'no agent'}, {error}")
