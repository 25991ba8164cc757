"""Which pod of ours may take the job: same image, GPU and mount; stopped, waiting or finished. And handing it over.

Only pods whose token this laptop has. The job's own pod comes first: its checkpoints lie there.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from pod_client.agent_api import LacksAgent
from pod_client.follow import Begin
from pod_client.known_pods import last_status
from pod_client.ledger import Made
from pod_client.plan import OURS_PER_POD, fields_of
from pod_wire.errors import Broken, Conflict, NoCapacity, NotFound, PodError, Unreachable
from pod_wire.frozen import dataclass
from pod_wire.orders import new_order_id
from pod_wire.source import read_source
from pod_wire.status import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pod_client.agent_api import AgentApi
    from pod_client.known_pods import KnownPod
    from pod_client.launch import Launcher
    from pod_client.plan import Machine, Plan
    from pod_client.screen import Screen
    from pod_wire.clock import Clock
    from pod_wire.runpod.models import Pod
    from pod_wire.runpod.pods import PodsApi
    from pod_wire.status import Status

INJECTED = ("PUBLIC_KEY", "SSH_PUBLIC_KEY", "JUPYTER_PASSWORD")  # a PATCH without them loses the way in
GIVEN = 3  # how often an order is given while its answers are unclear
CALLED_OFF_S = 20  # looks, a second apart
LOOKS = 8  # a second apart, at the job's own pod: its agent may just be starting again
COMING = ("PROVISIONING", "STARTING")
IDLE = (Phase.WAITING, Phase.FINISHED)


class AlreadyRuns(Conflict):
    """The very job is being worked on: a second pod would do it twice, and be billed twice."""


@dataclass(frozen=True, slots=True)
class Reused:
    """A pod that took the job. ``stale_order`` is the order whose outcome it still shows."""

    pod_id: str
    made: Made
    order: str
    stale_order: str | None
    begin: Begin  # where the job's log goes on, as far as it is known


def fits(pod: Pod, machine: Machine) -> bool:
    """The same image, GPU and mount; and nothing forbids to stop it."""
    if pod.locked or pod.image != machine.image or pod.gpu_id not in machine.gpus:
        return False
    # a stopped one that last came up without a GPU may get it back, and the job's checkpoints lie there
    counts = (machine.count, 0) if pod.status == "EXITED" else (machine.count,)
    return pod.gpu_count in counts and _same_mount(pod, machine)


def candidates(pods: Sequence[Pod], known: Sequence[KnownPod], plan: Plan) -> list[tuple[Pod, KnownPod]]:
    """Pods that fit and that we can speak to; those of the same job first, stopped or not."""
    tokens = {item.id: item for item in known if item.token}
    for pod in pods:
        if _waits_for_our_tree(pod, plan) and pod.id in tokens:
            return [(pod, tokens[pod.id])]
        if pod.status in COMING and pod.id in tokens and tokens[pod.id].job == plan.spec.name:
            raise AlreadyRuns(
                f"cannot start job '{plan.spec.name}': pod {pod.id} is {pod.status.lower()} for it",
                f"how it is: pod-client status {pod.id}; or end it: pod-client rm {pod.id}; "
                "or a second one beside it, on a bill of its own: --new-pod",
            )
    fitting = [(pod, tokens[pod.id]) for pod in pods if pod.id in tokens and fits(pod, plan.machine)]
    usable = [pair for pair in fitting if pair[0].status in {"EXITED", "RUNNING"}]
    return sorted(usable, key=lambda pair: (pair[1].job != plan.spec.name, pair[0].status != "RUNNING"))


class Reuser:
    """The launcher's ledger learns what is done to a pod before it is done."""

    def __init__(
        self,
        pods: PodsApi,
        agent_of: Callable[[str], AgentApi],
        screen: Screen,
        clock: Clock,
        launcher: Launcher,
    ) -> None:
        self._ledger = launcher.ledger
        self._removal = launcher.removal
        self._pods = pods
        self._agent_of = agent_of
        self._screen = screen
        self._clock = clock

    def hand_over(self, pod: Pod, known: KnownPod, plan: Plan) -> Reused | None:
        """Give it the job. None: this one cannot take it, and it was said why."""
        if pod.status in COMING:  # an earlier `up` of ours ended before it had sent the code
            return self._go_on(pod, pod.env.get("POD_ORDER", ""))
        if pod.status == "RUNNING":
            return self._order(pod, known, plan)
        return self._wake(pod, known, plan)

    def _order(self, pod: Pod, known: KnownPod, plan: Plan) -> Reused | None:
        agent = self._agent_of(pod.id)
        try:
            status = self._status(agent, LOOKS if known.job == plan.spec.name else 1)
        except LacksAgent:
            return self._without_agent(pod, known, plan)
        except PodError as error:
            self._screen.note(f"pod {pod.id} does not say how it is ({error.message}): not reused")
            return None
        if _lacks_code(status, plan):
            if self._awaits(agent, plan):
                return self._go_on(pod, (status.job.order if status.job else None) or "")
            status = self._call_off(agent, pod, plan)
        if status.phase not in IDLE:
            if status.job is not None and status.job.name == plan.spec.name:
                raise AlreadyRuns(
                    f"cannot start job '{plan.spec.name}': it runs already, on pod {pod.id} ({status.phase})",
                    f"follow it: pod-client logs -f {pod.id}; a second one beside it, on a bill of its own: --new-pod",
                )
            self._screen.note(f"pod {pod.id} is busy ({status.phase}): not reused")
            return None
        if not _same_user_env(pod.env, plan):
            self._screen.note(
                f"pod {pod.id} is idle, but its environment differs: not reused, and still billed"
            )
            return None
        before = status.job.order if status.job else None
        order = new_order_id()
        self._ledger.note(pod.id, Made.ORDERED)
        try:
            self._give(agent, pod.id, plan, order)
        except (Unreachable, Broken):
            raise  # it may have taken the job: a second pod could run it twice
        except PodError as error:
            self._ledger.clear()
            self._screen.note(f"pod {pod.id} cannot take the job ({error.message}): not reused")
            return None
        self._screen.step(f"pod {pod.id} was idle and takes the job")
        return Reused(pod.id, Made.ORDERED, order, before, _log_end(status, plan))

    def _without_agent(self, pod: Pod, known: KnownPod, plan: Plan) -> Reused | None:
        """Its image has no agent, and the `up` that was to send it is gone: nothing has run yet."""
        if known.job != plan.spec.name:
            self._screen.note(f"pod {pod.id} waits for its agent and another job: not reused")
            return None
        wanted = plan.environment("", "")
        if all(pod.env.get(name) == wanted[name] for name in wanted.keys() - set(OURS_PER_POD)):
            return self._go_on(pod, pod.env.get("POD_ORDER", ""), "its agent")
        raise AlreadyRuns(
            f"cannot start job '{plan.spec.name}': pod {pod.id} was made for it with other settings, and waits for its"
            " agent",
            f"end it: pod-client rm {pod.id}; or begin one beside it, on a bill of its own: --new-pod",
        )

    def _go_on(self, pod: Pod, order: str, what: str = "its code") -> Reused:
        self._screen.step(f"pod {pod.id} has the job already, and waits for {what}")
        self._ledger.note(pod.id, Made.ORDERED)
        return Reused(pod.id, Made.ORDERED, order, None, Begin())

    def _awaits(self, agent: AgentApi, plan: Plan) -> bool:
        """Whether it waits for just this tree."""
        try:
            return not agent.tree(read_source(plan.spec.repo or "").digest or "").whole
        except NotFound:
            return False

    def _call_off(self, agent: AgentApi, pod: Pod, plan: Plan) -> Status:
        """It waits for code that will never be sent: the folder has changed since. Nothing has run yet."""
        self._screen.step(f"pod {pod.id} waits for older code, which was not sent whole: calling that off")
        agent.cancel(plan.spec.name)
        status = agent.status()
        for _ in range(CALLED_OFF_S):
            if status.phase in IDLE:
                break
            self._clock.sleep(1.0)
            status = agent.status()
        return status

    def _status(self, agent: AgentApi, looks: int) -> Status:
        """A second pod for the same job would begin at step 0, and the first would still be billed: look again."""
        for _ in range(looks - 1):
            try:
                return agent.status()
            except LacksAgent:
                raise
            except Unreachable:
                self._clock.sleep(1.0)
        return agent.status()

    def _give(self, agent: AgentApi, pod_id: str, plan: Plan, order: str) -> None:
        """Asked again after an unclear answer: with the order's own id two requests are one order."""
        for tried in range(1, GIVEN + 1):
            try:
                agent.give(fields_of(plan.spec), order)
            except (Unreachable, Broken) as error:
                if tried == GIVEN:
                    raise Unreachable(
                        f"cannot tell whether pod {pod_id} took the job: {error.message}",
                        f"how it is: pod-client status {pod_id}; or leave it alone: --new-pod",
                    ) from None
                self._clock.sleep(1.0)
            else:
                return

    def _wake(self, pod: Pod, known: KnownPod, plan: Plan) -> Reused | None:
        order = new_order_id()
        kept = {name: pod.env[name] for name in INJECTED if name in pod.env}
        env = {**kept, **plan.environment(sha256(known.token.encode()).hexdigest(), order)}
        self._screen.step(f"pod {pod.id} ({known.name}) is stopped: giving it the job and starting it")
        self._ledger.note(pod.id, Made.STARTED, pod.env)
        try:
            self._pods.patch(pod.id, {"env": env})
            self._pods.act(pod.id, "start")
            if self._pods.get(pod.id).gpu_count > 0:
                return Reused(pod.id, Made.STARTED, order, None, _log_end(last_status(known), plan))
            self._removal.stop(pod.id)
            error: PodError = NoCapacity(f"pod {pod.id} came back without a GPU")
        except (NoCapacity, Conflict) as refusal:
            error = refusal
        self._removal.put_back(pod.id, pod.env)
        self._ledger.clear()
        self._refused(known, plan, error)
        return None

    def _refused(self, known: KnownPod, plan: Plan, error: PodError) -> None:
        """A stopped pod is tied to its host. If the job's checkpoints lie there, a new pod is not what was meant."""
        if known.job == plan.spec.name:
            raise NoCapacity(
                f"cannot start pod {known.id} of job '{known.job}': {error.message}",
                "its host is full now: try again later; or begin without what is on its disk: --new-pod",
            ) from None
        self._screen.note(f"pod {known.id} does not start ({error.message}): not reused")


def _is_tree(plan: Plan) -> bool:
    return plan.spec.repo is not None and read_source(plan.spec.repo).digest is not None


def _waits_for_our_tree(pod: Pod, plan: Plan) -> bool:
    """Whether a pod that is just starting was made for this very code."""
    return pod.status in COMING and _is_tree(plan) and pod.env.get("POD_REPO") == plan.spec.repo


def _lacks_code(status: Status, plan: Plan) -> bool:
    """Whether it has this job, and somebody who was to send its code is gone."""
    job = status.job
    is_ours = job is not None and job.name == plan.spec.name and status.phase is Phase.SYNCING
    return is_ours and _is_tree(plan) and bool(job and job.doing)


def _log_end(status: Status | None, plan: Plan) -> Begin:
    """A job that goes on has a log already: what was shown of it is not shown again."""
    job = status.job if status else None
    if job is None or job.name != plan.spec.name or job.log is None:
        return Begin()
    return Begin(job.log.size, log_id=job.log.id)


def _same_mount(pod: Pod, machine: Machine) -> bool:
    mounts = pod.mounts
    if machine.volume is not None:
        return any(m.volume == machine.volume and m.path == machine.mount_path for m in mounts)
    return any(
        m.volume is None and m.size_gb == machine.mount_gb and m.path == machine.mount_path for m in mounts
    )


def _same_user_env(env: Mapping[str, str], plan: Plan) -> bool:
    """A running pod keeps its environment; a job that brings other values of its own needs another one."""
    return all(env.get(name) == value for name, value in plan.user_env.items() if not name.startswith("POD_"))
