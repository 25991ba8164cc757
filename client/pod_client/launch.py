"""Making a pod and waiting until it can switch itself off; and unmaking it when that does not come to pass.

A launch that fails leaves nothing billed, confirmed by the provider, or names exactly what is and the command that
ends it. A POST is never sent twice blindly: after an unclear answer the pod is looked up by its unique name.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pod_client.agent_api import LacksAgent
from pod_client.ledger import Ledger, Made
from pod_client.receipt import seconds
from pod_client.removal import Removal
from pod_client.waiting import Watch
from pod_wire.errors import BadInput, Broken, Conflict, NoCapacity, NotFound, PodError, Refused, Unreachable
from pod_wire.frozen import dataclass
from pod_wire.status import SelfStop

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_client.agent_api import AgentApi, Health
    from pod_client.screen import Screen
    from pod_wire.clock import Clock
    from pod_wire.runpod.models import NewPod, Pod
    from pod_wire.runpod.pods import PodsApi

LOOKUP_S = 10.0  # how long a pod is looked for by its name after an unclear answer
CAME_UP_S = 30.0  # how long RunPod may say STARTING of a pod whose agent answers
MISSING_GRACE_S = 60.0  # a new pod may read 404 for a while


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between two looks (growing to the most), and until a launch is given up."""

    look_first_s: float = 0.1
    look_s: float = 2.0
    agent_s: float = 0.5  # between two questions to the agent meanwhile
    armed_s: float = 20 * 60.0
    say_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Armed:
    """A pod that can stop itself: its record, and what its agent said."""

    pod: Pod
    health: Health


class StoppedEarly(Conflict):
    """A pod that is off already. It may have done its work, so it is not removed; only its disk is billed."""


class Launcher:
    def __init__(
        self,
        pods: PodsApi,
        agent_of: Callable[[str], AgentApi],
        screen: Screen,
        clock: Clock,
        patience: Patience | None = None,
        *,
        bring: Callable[[AgentApi, str], None] | None = None,
    ) -> None:
        self.ledger = Ledger()
        self.removal = Removal(pods, screen, clock)
        self._pods = pods
        self._agent_of = agent_of
        self._screen = screen
        self._clock = clock
        self._patience = patience or Patience()
        self._bring = bring  # the agent, to a pod whose image has none

    # -- making -------------------------------------------------------------------------------------------------

    def create(self, job: str, gpus: tuple[str, ...], body: Callable[[str, str], NewPod]) -> Pod:
        """One POST per candidate. ``body`` makes a request out of a name and a GPU."""
        last: PodError = NoCapacity("cannot create a pod: no GPU was named")
        for gpu in gpus:
            name = f"podkeep-{job[:40]}-{secrets.token_hex(3)}"
            try:
                return self._post(name, body(name, gpu))
            except (NoCapacity, BadInput) as error:  # a 400 may be either; the next candidate tells
                last = error
                more = "; trying the next" if gpu != gpus[-1] else ""
                self._screen.step(f"{gpu}: {_short(error)}{more}")
            except Refused as error:
                if error.status_seen == 401:  # noqa: PLR2004 - the key itself; a 403 may be this candidate's
                    raise
                last = error
        raise last

    def _post(self, name: str, new: NewPod) -> Pod:
        self.ledger.asks(name)
        try:
            pod = self._pods.create(new)
            self.ledger.note(pod.id, Made.CREATED)
        except (Unreachable, Broken) as error:
            if isinstance(error, Unreachable) and not error.sent:
                self.ledger.clear()  # nobody was asked: there is no such pod
                raise
            pod = self._unclear(name, error)
            self.ledger.note(pod.id, Made.CREATED)
        except PodError:
            self.ledger.clear()  # a clear refusal: there is no such pod
            raise
        except KeyboardInterrupt:
            self._screen.step(f"interrupted while asking for {name}; looking whether it was made")
            self._note_if_made(name)
            raise
        return pod

    def _unclear(self, name: str, error: PodError) -> Pod:
        self._screen.warn(f"the answer to our request is unclear ({error.message}); looking for {name}")
        found = self._find(name)
        if found is None:
            raise Broken(
                f"cannot create pod {name}: {error.message}. No pod of that name is listed",
                "look again in a minute with: pod-client ps",
            )
        self._screen.step(f"it exists: {found.id}")
        return found

    def _note_if_made(self, name: str) -> None:
        try:
            found = self._find(name)
        except PodError:
            return  # the ledger still holds the name, and undoing says so
        if found is not None:
            self.ledger.note(found.id, Made.CREATED)

    def _find(self, name: str) -> Pod | None:
        until = self._clock.monotonic() + LOOKUP_S
        while True:
            trouble: PodError | None = None
            try:
                found = next((pod for pod in self._pods.list() if pod.name == name), None)
            except PodError as error:
                trouble, found = error, None
            if found is not None:
                return found
            if self._clock.monotonic() >= until:
                break
            self._clock.sleep(self._patience.look_s)
        if trouble is not None:
            raise Broken(
                f"cannot tell whether pod {name} was created: {trouble.message}",
                f"if it was, it is billed; end it with: pod-client rm {name}",
            )
        return None

    # -- waiting ------------------------------------------------------------------------------------------------

    def wait(self, pod_id: str) -> Armed:
        """Until the agent says that it can stop the pod. Raises when that cannot be, or the time is up."""
        begun = self._clock.monotonic()
        watch = Watch(self._screen, self._patience.say_s, seen_up=self.ledger.made is not Made.STARTED)
        agent = self._agent_of(pod_id)
        pause = self._patience.look_first_s
        while True:
            age = self._clock.monotonic() - begun
            pod = self._look(pod_id, watch, age)
            watch.tell(pod, age)
            health = self._ask_agent(agent, pod, pause)
            if pod is not None and health is not None and self._is_armed(pod_id, health):
                return Armed(self._as_it_came_up(pod), health)
            if age > self._patience.armed_s:
                is_new = self.ledger.made is Made.CREATED  # then it is removed, and its log with it
                told = "is above, if anything" if is_new else f"is in: pod-client logs {pod_id} --console"
                raise Unreachable(
                    f"cannot launch pod {pod_id}: after {seconds(age)} its agent has not said that it can stop the pod",
                    f"a wrong image, or a bad host; what RunPod's host said of it {told}",
                )
            pause = min(pause * 1.5, self._patience.look_s)

    def _as_it_came_up(self, pod: Pod) -> Pod:
        """An agent may answer while RunPod still says STARTING, and a pod may come up without its GPU."""
        until = self._clock.monotonic() + CAME_UP_S
        while pod.status == "STARTING" and self._clock.monotonic() < until:
            try:
                pod = self._pods.get(pod.id)
            except PodError:
                break  # it is armed: an unreadable record is no reason to end it
            _refuse_without_gpu(pod)
            if pod.status == "STARTING":
                self._clock.sleep(self._patience.look_first_s)
        return pod

    def _ask_agent(self, agent: AgentApi, pod: Pod | None, pause: float) -> Health | None:
        """Until RunPod is asked again. Oftener than that: a short job's pod may be up for a few seconds only."""
        until = self._clock.monotonic() + pause
        while pod is not None and pod.status in {"STARTING", "RUNNING"}:
            health = self._health(agent)
            if health is not None and health.self_stop is not SelfStop.UNKNOWN:
                return health
            if self._clock.monotonic() + self._patience.agent_s >= until:
                break
            self._clock.sleep(self._patience.agent_s)
        self._clock.sleep(max(0.0, until - self._clock.monotonic()))
        return None

    def _look(self, pod_id: str, watch: Watch, age: float) -> Pod | None:
        """The provider's record; None while it is unknown. One failed read proves nothing."""
        try:
            pod = self._pods.get(pod_id)
        except NotFound:
            watch.missing += 1
            if watch.missing > 1 and age > MISSING_GRACE_S:
                raise NotFound(f"cannot launch pod {pod_id}: RunPod does not know it any more") from None
            return None
        except Refused:
            raise
        except PodError:
            return None
        watch.missing = 0
        match pod.status:
            case "ERROR":
                raise Broken(f"cannot launch pod {pod_id}: RunPod says ERROR", "try again, or another GPU")
            case "TERMINATED":
                raise NotFound(f"cannot launch pod {pod_id}: somebody removed it")
            case "EXITED" if watch.seen_up or age > MISSING_GRACE_S:
                raise StoppedEarly(
                    f"cannot follow pod {pod_id}: it stopped before it was seen ready",
                    f"why is in: pod-client logs {pod_id} --console; its disk is billed until: pod-client rm {pod_id}",
                )
            case "STARTING" | "RUNNING":
                _refuse_without_gpu(pod)
                watch.seen_up = True
            case _:
                pass
        return pod

    def _health(self, agent: AgentApi) -> Health | None:
        try:
            return agent.healthz()
        except LacksAgent as pod:
            if self._bring is not None:
                self._bring(agent, pod.digest)
            return None
        except (Unreachable, NotFound, Broken):
            return None  # a proxy's 502 or 404: not listening yet

    def _is_armed(self, pod_id: str, health: Health) -> bool:
        match health.self_stop:
            case SelfStop.PROVED:
                return True
            case SelfStop.UNPROVED:
                self._screen.warn(
                    f"pod {pod_id} could not prove that it may stop itself (RunPod refused it a read);\n"
                    "it will try when the time comes. Look after it with: pod-client ps"
                )
                return True
            case SelfStop.IMPOSSIBLE:
                raise Refused(
                    f"cannot leave pod {pod_id} alone: it says that it cannot stop itself",
                    "it has no key that RunPod accepts; check the image and the account",
                )
            case SelfStop.UNKNOWN:
                return False

    def undo(self) -> bool:
        """Take back what the launch did, and say what that means for the bill. True when the pod is gone."""
        ledger = self.ledger
        if ledger.asked is not None:
            self._screen.money(
                f"RunPod was asked for pod {ledger.asked}, and whether it was made is not known. If pod-client ps "
                f"lists it, it is billed; end it with: pod-client rm {ledger.asked}"
            )
        if ledger.pod_id is None:
            if ledger.asked is None:
                self._screen.money("nothing was created, nothing is billed")
            return False
        match ledger.made:
            case Made.CREATED:
                return self.removal.remove(ledger.pod_id, is_new=True)
            case Made.STARTED:
                if self.removal.stop(ledger.pod_id) and ledger.env_before is not None:
                    self.removal.put_back(ledger.pod_id, ledger.env_before)
            case _:
                self._screen.money(
                    f"pod {ledger.pod_id} was running before, and may have taken the job: it is still billed until "
                    f"it stops itself. To end it now: pod-client stop {ledger.pod_id}"
                )
        return False


def _refuse_without_gpu(pod: Pod) -> None:
    if pod.status == "RUNNING" and pod.gpu_id is not None and pod.gpu_count == 0:
        raise NoCapacity(f"cannot use pod {pod.id} for training: it has no GPU", "try again later")


def _short(error: PodError) -> str:
    return "no machine is free" if isinstance(error, NoCapacity) else error.message
