"""The `up` command: plan, launch or reuse, wait until the pod can stop itself, follow, receipt."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from pod_client.dry_run import show
from pod_client.ending import final_bill, gone_reason, pod_document
from pod_client.exits import DETACHED, DONE, UNREACHED, by_outcome
from pod_client.follow import Begin, Follower
from pod_client.known_pods import KnownPod
from pod_client.launch import Launcher, Patience, StoppedEarly
from pod_client.plan import make_plan
from pod_client.prices import no_such_gpu
from pod_client.receipt import dollars, receipt
from pod_client.reuse import AlreadyRuns, Reused, Reuser, candidates
from pod_client.stdout import silence_stdout
from pod_client.user_env import hints
from pod_wire.codec import to_plain
from pod_wire.errors import BadInput, NoCapacity, PodError
from pod_wire.job import ExitPolicy
from pod_wire.orders import new_order_id
from pod_wire.routes import DEFAULT_PORT
from pod_wire.secrets import Secret
from pod_wire.status import Outcome

if TYPE_CHECKING:
    from pod_client.agent_api import AgentApi
    from pod_client.config import Config
    from pod_client.follow import Ending
    from pod_client.plan import Plan, Wishes
    from pod_client.stdout import Sink
    from pod_client.wiring import Wiring
    from pod_wire.runpod.models import Pod
    from pod_wire.runpod.pods import PodsApi
    from pod_wire.status import SelfStop, Status

LOCAL_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Choices:
    """How `up` goes about it."""

    local: bool = False
    detach: bool = False
    new_pod: bool = False
    dry_run: bool = False
    as_json: bool = False
    wait_minutes: float = 20.0


@dataclass(frozen=True, slots=True)
class Launched:
    """A pod that has the job and can stop itself."""

    pod: Pod
    known: KnownPod
    self_stop: SelfStop
    stale_order: str | None
    begin: Begin


class Up:
    def __init__(self, wiring: Wiring, plan: Plan, choices: Choices, sink: Sink) -> None:
        self._wiring = wiring
        self._screen = wiring.screen
        self._plan = plan
        self._choices = choices
        self._sink = sink
        self._config: Config = wiring.config(local=choices.local)
        self._pods: PodsApi = wiring.pods(self._config)
        patience = Patience(look_s=LOCAL_LOOK_S if choices.local else 2.0, armed_s=choices.wait_minutes * 60)
        self._launcher = Launcher(self._pods, self._agent_of, self._screen, wiring.clock, patience)

    def run(self) -> int:
        try:
            launched = self._launch()
        except KeyboardInterrupt:
            self._unmake("interrupted before the pod could be left alone")
            return DETACHED
        except (StoppedEarly, AlreadyRuns):
            raise
        except Exception:  # also a mistake of ours: what was made is billed all the same
            self._unmake("the launch failed")
            raise
        return self._detach(launched) if self._choices.detach else self._follow(launched)

    # -- launching ----------------------------------------------------------------------------------------------

    def _launch(self) -> Launched:
        reused = None if self._choices.new_pod else self._reuse()
        pod_id = self._create() if reused is None else reused.pod_id
        armed = self._launcher.wait(pod_id)
        pod, health = armed.pod, armed.health
        counted = "the simulator counts" if self._choices.local else "it is billed at"
        self._screen.money(f"pod {pod_id} can stop itself; until it does {counted} {dollars(pod.cost)}/h")
        known = self._known(pod_id)
        if reused is None:
            return Launched(pod, known, health.self_stop, None, Begin())
        return Launched(pod, known, health.self_stop, reused.stale_order, reused.begin)

    def _reuse(self) -> Reused | None:
        known = [k for k in self._wiring.known.all() if k.is_local == self._choices.local]
        if not known:
            return None
        reuser = Reuser(self._pods, self._agent_of, self._screen, self._wiring.clock, self._launcher)
        for pod, ours in candidates(self._pods.list(), known, self._plan):
            reused = reuser.hand_over(pod, ours, self._plan)
            if reused is not None:
                self._keep(pod, ours.token)
                return reused
        return None

    def _create(self) -> str:
        token = secrets.token_urlsafe(32)
        env = self._plan.environment(sha256(token.encode()).hexdigest(), new_order_id())
        gpus = self._plan.machine.gpus
        try:
            pod = self._launcher.create(
                self._plan.spec.name, gpus, lambda name, gpu: self._plan.new_pod(name, gpu, env)
            )
        except NoCapacity:
            meant = no_such_gpu(self._config, self._wiring.transport, gpus)
            if meant is None:
                raise
            raise BadInput(f"cannot create a pod: RunPod has no GPU '{gpus[0]}'", hint=meant) from None
        self._keep(pod, token)
        what = f"{pod.gpu_count} x {pod.gpu_id}" if pod.gpu_id else "no GPU"
        self._screen.step(f"created pod {pod.id} ({pod.name}), {what}")
        if self._choices.local:
            self._screen.money(
                f"a local pod: its price, {dollars(pod.cost)}/h, is the simulator's; nobody is billed"
            )
        elif pod.cost:
            self._screen.money(f"{dollars(pod.cost)}/h from now on")
        return pod.id

    def _keep(self, pod: Pod, token: str) -> None:
        self._wiring.known.keep(
            KnownPod(
                id=pod.id,
                name=pod.name,
                job=self._plan.spec.name,
                token=token,
                runpod_url=self._config.runpod_url,
                port=DEFAULT_PORT,
                is_local=self._choices.local,
                created_at=self._wiring.clock.now(),
            )
        )

    def _known(self, pod_id: str) -> KnownPod:
        return next(pod for pod in self._wiring.known.all() if pod.id == pod_id)

    def _agent_of(self, pod_id: str) -> AgentApi:
        return self._wiring.agent(self._config, pod_id, Secret(self._known(pod_id).token))

    def _unmake(self, why: str) -> None:
        pod_id = self._launcher.ledger.pod_id
        try:
            self._screen.warn(why)
        finally:  # a second Ctrl-C just now must not leave it undone
            is_gone = self._launcher.undo()
        if pod_id is not None and is_gone:
            self._wiring.known.forget(pod_id)

    # -- after the launch ---------------------------------------------------------------------------------------

    def _detach(self, launched: Launched) -> int:
        status = None
        try:
            status = self._agent_of(launched.pod.id).status()
        except PodError as error:
            self._screen.note(error.message)
        finally:  # also where Ctrl-C ends the asking
            self._say_how_to_come_back(launched, status)
        self._document(launched, None, DONE)
        return DONE

    def _follow(self, launched: Launched) -> int:
        pod_id, job = launched.pod.id, self._plan.spec.name
        follower = Follower(
            self._agent_of(pod_id),
            job,
            self._sink,
            self._screen.warn,
            lambda: gone_reason(self._pods, pod_id, follower.silent_s()),
            stale_order=launched.stale_order,
        )
        try:
            ending = follower.run(launched.begin)
        except KeyboardInterrupt:
            self._say_how_to_come_back(launched, follower.status)
            self._wiring.remember(pod_id, follower.status)
            self._document(launched, None, DETACHED)
            return DETACHED
        except PodError:
            self._say_how_to_come_back(launched, follower.status)
            raise
        except BrokenPipeError:
            silence_stdout()
            self._wiring.remember(pod_id, follower.status)
            self._say_how_to_come_back(launched, follower.status)
            return DETACHED
        return self._conclude(launched, ending)

    def _conclude(self, launched: Launched, ending: Ending) -> int:
        pod_id = launched.pod.id
        self._wiring.remember(pod_id, ending.status)
        bill = final_bill(
            self._pods, pod_id, self._wiring.clock, expects_stop=self._expects_stop(ending.status)
        )
        if ending.status is not None:
            self._screen.text(receipt(ending.status, bill))
        if not ending.complete:
            self._screen.warn(
                f"the end of the log was not seen: {ending.gone} (read up to byte {ending.offset})"
            )
        job = ending.status.job if ending.status else None
        outcome = job.outcome if job else None
        code = UNREACHED if outcome is None else by_outcome(outcome)
        self._document(launched, ending, code)
        return code

    def _expects_stop(self, status: Status | None) -> bool:
        job = status.job if status else None
        policy = (
            self._plan.spec.on_finish
            if job and job.outcome is Outcome.SUCCEEDED
            else self._plan.spec.on_failure
        )
        ended_by_itself = job is None or job.outcome is not Outcome.CANCELLED
        return ended_by_itself and policy in {ExitPolicy.STOP, ExitPolicy.TERMINATE}

    def _say_how_to_come_back(self, launched: Launched, status: Status | None) -> None:
        """From what is known: nobody is asked, so that an impatient second Ctrl-C finds it said."""
        pod, job = launched.pod, self._plan.spec.name
        until = (
            f" until {status.stops_because}"
            if status and status.stops_because
            else " until its job has ended"
        )
        self._screen.step(f"job '{job}' goes on without us on pod {pod.id}")
        self._screen.note(
            f"follow it again: pod-client logs -f {job}\nhow it is:       pod-client status {job}"
        )
        counted = "counted by the simulator" if self._choices.local else "billed"
        self._screen.money(
            f"this pod is still {counted} at {dollars(pod.cost)}/h{until}; it stops itself. To end it now: "
            f"pod-client stop {pod.id}"
        )

    def _document(self, launched: Launched, ending: Ending | None, code: int) -> None:
        if not self._choices.as_json:
            return
        status = ending.status if ending else None
        self._screen.document(
            {
                "format": 1,
                "pod": pod_document(launched.pod),
                "job": self._plan.spec.name,
                "self_stop": launched.self_stop.value,
                "status": None if status is None else to_plain(status),
                "log_complete": None if ending is None else ending.complete,
                "exit_code": code,
            }
        )


def up(wiring: Wiring, wishes: Wishes, choices: Choices, sink: Sink) -> int:
    plan = make_plan(wishes)
    for warning in plan.warnings:
        wiring.screen.warn(warning)
    for hint in hints(plan.user_env, wiring.env):
        wiring.screen.note(hint)
    if choices.dry_run:
        return show(wiring, plan, local=choices.local, as_json=choices.as_json)
    return Up(wiring, plan, choices, sink).run()
