"""Making a pod and waiting until it can switch itself off; and unmaking it when that does not come to pass.

A launch that fails leaves nothing billed, confirmed by the provider, or names exactly what is and the command that
ends it. A POST is never sent twice blindly: after an unclear answer the pod is looked up by its unique name.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pod_client.receipt import dollars, seconds
from pod_client.removal import Removal
from pod_wire.errors import BadInput, Broken, Conflict, NoCapacity, NotFound, PodError, Refused, Unreachable
from pod_wire.status import SelfStop

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_client.agent_api import AgentApi, Health
    from pod_client.screen import Screen
    from pod_wire.clock import Clock
    from pod_wire.runpod.models import NewPod, Pod
    from pod_wire.runpod.pods import PodsApi

LOOKUPS = 3  # how often a pod is looked for by name after an unclear answer
MISSING_GRACE_S = 60.0  # a new pod may read 404 for a while


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between two looks (growing to the most), and until a launch is given up."""

    look_first_s: float = 0.1
    look_s: float = 2.0
    armed_s: float = 20 * 60.0
    say_s: float = 30.0


class Made(StrEnum):
    """What a launch did to the pod, and so what undoing it means."""

    CREATED = "created"  # undone by removing it
    STARTED = "started"  # a stopped one: undone by stopping it
    NOTHING = "nothing"  # it was running: nothing to undo


@dataclass(slots=True)
class Ledger:
    """What a launch has made so far, written the moment it is made: what an interruption must unmake."""

    pod_id: str | None = None
    made: Made = Made.NOTHING

    def note(self, pod_id: str, made: Made) -> None:
        self.pod_id, self.made = pod_id, made


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
    ) -> None:
        self.ledger = Ledger()
        self.removal = Removal(pods, screen, clock)
        self._pods = pods
        self._agent_of = agent_of
        self._screen = screen
        self._clock = clock
        self._patience = patience or Patience()

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
        try:
            pod = self._pods.create(new)
        except (Unreachable, Broken) as error:
            self._screen.warn(f"the answer to our request is unclear ({error.message}); looking for {name}")
            found = self._find(name)
            if found is None:
                raise Broken(
                    f"cannot create pod {name}: {error.message}. No pod of that name is listed",
                    "nothing is billed as far as RunPod says; look again in a minute with: pod-client ps",
                ) from None
            self._screen.step(f"it exists: {found.id}")
            pod = found
        except KeyboardInterrupt:
            self._screen.step(f"interrupted while asking for {name}; looking whether it was made")
            found = self._find(name)
            if found is not None:
                self.removal.remove(found.id)
            raise
        self.ledger.note(pod.id, Made.CREATED)
        return pod

    def _find(self, name: str) -> Pod | None:
        trouble: PodError | None = None
        for attempt in range(LOOKUPS):
            if attempt:
                self._clock.sleep(self._patience.look_s)
            try:
                found = next((pod for pod in self._pods.list() if pod.name == name), None)
            except PodError as error:
                trouble = error
                continue
            trouble = None
            if found is not None:
                return found
        if trouble is not None:
            raise Broken(
                f"cannot tell whether pod {name} was created: {trouble.message}",
                f"if it was, it is billed; end it with: pod-client rm {name}",
            )
        return None

    # -- waiting ------------------------------------------------------------------------------------------------

    def wait(self, pod_id: str) -> Health:
        """Until the agent says that it can stop the pod. Raises when that cannot be, or the time is up."""
        begun = self._clock.monotonic()
        watch = _Watch(self._screen, self._patience.say_s, seen_up=self.ledger.made is not Made.STARTED)
        agent = self._agent_of(pod_id)
        pause = self._patience.look_first_s
        while True:
            age = self._clock.monotonic() - begun
            pod = self._look(pod_id, watch, age)
            if pod is not None and pod.status in {"STARTING", "RUNNING"}:
                health = self._health(agent)
                if health is not None and self._is_armed(pod_id, health):
                    return health
            watch.tell(pod, age)
            if age > self._patience.armed_s:
                raise Unreachable(
                    f"cannot launch pod {pod_id}: after {seconds(age)} its agent has not said that it can stop the pod",
                    "a wrong image, or a bad host; RunPod's own log of the pod tells which",
                )
            self._clock.sleep(pause)
            pause = min(pause * 1.5, self._patience.look_s)

    def _look(self, pod_id: str, watch: _Watch, age: float) -> Pod | None:
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
                    f"what it did is on its disk, which is billed until: pod-client rm {pod_id}",
                )
            case "STARTING" | "RUNNING":
                watch.seen_up = True
            case _:
                pass
        return pod

    def _health(self, agent: AgentApi) -> Health | None:
        try:
            return agent.healthz()
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
        pod_id = self.ledger.pod_id
        if pod_id is not None and self.ledger.made is Made.CREATED:
            return self.removal.remove(pod_id)
        if pod_id is not None and self.ledger.made is Made.STARTED:
            self.removal.stop(pod_id)
        return False


class _Watch:
    """What a wait has seen so far, and when it last spoke."""

    def __init__(self, screen: Screen, say_s: float, *, seen_up: bool) -> None:
        self._screen = screen
        self._say_s = say_s
        self._last = ""
        self._said_at = 0.0
        self.missing = 0
        self.seen_up = seen_up  # before that, EXITED is only where a stopped pod begins

    def tell(self, pod: Pod | None, age: float) -> None:
        """A line when something changed, and now and then when nothing does."""
        if pod is None:
            return
        words = {"RUNNING": "running; waiting for its agent"}.get(pod.status, pod.status.lower())
        if pod.status != self._last:
            self._screen.step(f"pod {pod.id} is {words}")
        elif age - self._said_at >= self._say_s:
            price = f", billed at {dollars(pod.cost)}/h" if pod.cost else ""
            self._screen.note(f"still {words} after {seconds(age)}{price}")
        else:
            return
        self._last = pod.status
        self._said_at = age


def _short(error: PodError) -> str:
    return "no machine is free" if isinstance(error, NoCapacity) else error.message
