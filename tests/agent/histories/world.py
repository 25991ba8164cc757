"""The world of one history: pods of one volume in one virtual time, and what happens to them.

``Wiring`` says which of the product's parts are put in; a test that plants a fault gives another. Not here: what must
hold (``invariants``), nor which histories there are (``history``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.rest import Rest
from pod_agent.run import climbing
from pod_agent.run.asks import Cancel, GiveOrder, Restart, Stop, Verdict
from pod_agent.run.opening import Opening
from pod_agent.run.state import Job
from tests.agent.histories.cloud import WAYS
from tests.agent.histories.deeds import Step
from tests.agent.histories.history import Happening, History
from tests.agent.histories.host import Asked, Pod
from tests.agent.histories.idle import HandIdling
from tests.agent.histories.invariants import Broken, Watcher
from tests.agent.histories.strands import Time
from tests.agent.histories.touches import HOOK
from tests.agent.histories.training import Training

if TYPE_CHECKING:
    from pod_agent.pod.stop import StopLadder
    from tests.agent.histories.aftermath import Aftermath

LOOK_S = 20.0
CALM_S = 900.0  # after the last event: then everything works, and what never ends by itself is ended
REST_S = 6 * 3600.0
NAMES = ("pod-a", "pod-b")


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which parts are put in."""

    opening: type[Opening] = Opening
    ladder: Callable[..., StopLadder] = climbing.ladder
    idling: type[HandIdling] = HandIdling
    rest: type[Rest] = Rest


REAL = Wiring()


class World:
    """Played once. ``story`` is what happened, as lines."""

    def __init__(self, history: History, root: Path, wiring: Wiring = REAL):
        self.history = history
        self.wiring = wiring
        self.time = Time()
        self.story: list[str] = []
        self.workspace = root / "ws"
        self.workspace.mkdir(parents=True)
        self.hangs_until = self.people_until = 0.0
        self.watch = Watcher(self)
        self.pods = [Pod(self, name, root / name) for name in NAMES[: history.pods]]
        self._is_calm = False
        self._steps = self._begun = self._fresh = self._ended = 0
        self._touches: dict[str, int] = {}

    def play(self) -> None:
        """To the end; raises Broken where something does not hold."""
        HOOK.begin()
        for one in self.history.happenings:
            self.time.at(one.at, lambda one=one: self._happen(one))
        last = max(one.at for one in self.history.happenings)
        self.time.at(last + CALM_S, self._calm)
        try:
            self._until(last + CALM_S + 1)
            end = last + CALM_S + REST_S
            while any(pod.is_on for pod in self.pods) and self.time.t < end:
                self._until(min(self.time.t + 600.0, end))
            self.watch.over()
        finally:
            self._end()

    def _until(self, moment: float) -> None:
        while self.time.t < moment:
            self.time.run(min(moment, self.time.t + LOOK_S))
            for pod in self.pods:
                if pod.is_on:
                    self.watch.tick(pod, LOOK_S)

    def _end(self) -> None:
        for pod in self.pods:
            if pod.entry is not None:
                pod.entry.kill()

    # What happens

    def _happen(self, one: Happening) -> None:  # noqa: C901, PLR0912 - one arm for each kind
        if one.pod >= len(self.pods):
            return
        pod = self.pods[one.pod]
        agent = pod.entry.agent if pod.entry is not None else None
        match one.kind:
            case "boot":
                pod.start(Asked(one.job, one.order))
            case "off":
                pod.stop()
            case "kill" if agent is not None:
                pod.say("the agent is killed")
                agent.kill()
            case "touch" if agent is not None:
                agent.touches_left = int(one.number)
            case "touch":
                self._touches[pod.id] = int(one.number)
            case "break":
                pod.say(f"{one.number:.0f} agents die as they begin")
                pod.broken_agents = int(one.number)
                if agent is not None:
                    agent.kill()
            case "crash":
                pod.crash(wiped=one.wiped, moved=one.moved, address=one.address)
            case "term":
                pod.term()
            case "jump":
                pod.say(f"its clock is set by {one.number:+.0f} s")
                pod.clock.wall += one.number
            case "hang":
                self.say(f"the workspace hangs for {one.number:.0f} s")
                self.hangs_until = max(self.hangs_until, self.time.t + one.number)
            case "people":
                self.people_until = max(self.people_until, self.time.t + one.number)
            case "routes":
                pod.say(f"ways to stop: {' '.join(one.modes)}")
                pod.cloud.modes = dict(zip(WAYS, one.modes, strict=True))
                pod.cloud.by_second = dict(zip(WAYS, self.history.by_second, strict=False))
            case "reads":
                pod.cloud.reads = one.modes[0]
            case "keep" if agent is not None:
                self._keep(pod, one.number)
            case "order" | "cancel" | "restart" | "stop" if agent is not None:
                self._ask(pod, one)

    def _ask(self, pod: Pod, one: Happening) -> None:
        agent = pod.entry.agent if pod.entry is not None else None
        state = agent.supervisor.state if agent is not None and agent.supervisor is not None else None
        if agent is None or state is None:
            return
        name = state.job.name if state.job is not None else "digits"
        if one.kind == "order":
            if one.job is not None and one.order is not None:
                agent.ask(GiveOrder(one.job, one.order), lambda told: self._told(pod, one, told))
            return
        if one.kind == "stop":
            self.watch.of(pod).is_stop_asked = True
        ask = {"cancel": Cancel(name), "restart": Restart(name), "stop": Stop()}[one.kind]
        agent.ask(ask, lambda told: self._told(pod, one, told))

    def _told(self, pod: Pod, one: Happening, verdict: Verdict) -> None:
        pod.say(
            f"{one.kind} {one.order or ''}: {'taken' if verdict.accepted else 'refused'}, {verdict.reason}"
        )
        if verdict.accepted and one.kind == "order" and one.order is not None:
            self.watch.ordered(pod, one.order, is_begun=verdict.reason == "order accepted")

    def _keep(self, pod: Pod, seconds: float) -> None:
        agent = pod.entry.agent if pod.entry is not None else None
        if agent is not None and agent.keep(seconds):
            pod.say(f"keep for {seconds:.0f} s")
            self.watch.of(pod).leased_until = self.time.t + (seconds or 60.0)

    def _calm(self) -> None:
        """Nothing is against the pods any more; a training without an end, a limit or a follower is ended."""
        self.say("calm")
        self._is_calm = True
        self.hangs_until = min(self.hangs_until, self.time.t)
        self._touches.clear()
        for pod in self.pods:
            pod.cloud.modes = dict.fromkeys(WAYS, "works")
            pod.cloud.by_second = dict.fromkeys(pod.cloud.by_second, "works")
            pod.cloud.reads = "works"
            pod.broken_agents = 0
            agent = pod.entry.agent if pod.entry is not None else None
            if agent is not None:
                agent.touches_left = None
            for training in pod.trainings.values():
                training.over(0, None)

    # What is asked of the world

    def say(self, words: str) -> None:
        self.story.append(f"{self.time.t:9.1f}  {words}")

    def fresh(self) -> int:
        self._fresh += 1
        return self._fresh

    def next_step(self) -> Step:
        self._steps += 1
        return self.history.steps[(self._steps - 1) % len(self.history.steps)]

    def next_aftermath(self) -> Aftermath:
        self._ended += 1
        return self.history.partings[(self._ended - 1) % len(self.history.partings)]

    def next_touches(self, pod: Pod) -> int | None:
        return self._touches.pop(pod.id, None)

    def on_asked(self, pod: Pod, way: str, mode: str) -> None:
        pod.say(f"asks for its stop by {way}, which {mode}")
        account = self.watch.of(pod)
        account.asked_at, account.asked_for = self.time.t, account.decision

    def begin_training(self, pod: Pod, job: Job, number: int) -> Training:
        fate = self.history.fates[self._begun % len(self.history.fates)]
        if self._is_calm:
            fate = replace(fate, lasts_s=min(fate.lasts_s or CALM_S, CALM_S), obeys_s=1.0)
        self._begun += 1
        pod.say(f"attempt {number} of order {job.order} begins: {fate.words()}")
        training = Training(self.time, job.name, job.order, number, 100 + self._begun, fate, pod.clock.now)
        training.begin()
        return training


def play(history: History, root: Path, wiring: Wiring = REAL) -> list[str]:
    """What went wrong in this history, as lines; none when all holds."""
    shutil.rmtree(root, ignore_errors=True)
    world = World(history, root, wiring)
    try:
        world.play()
    except Broken as broken:
        return [*world.story[-400:], f"{world.time.t:9.1f}  BROKEN: {broken}"]
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return []
