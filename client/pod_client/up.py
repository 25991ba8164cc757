"""The `up` command: plan, launch or reuse, wait until the pod can stop itself, follow, receipt."""

from __future__ import annotations

import secrets
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from pod_client.bare.sending import AgentSending
from pod_client.bare.start_command import NOT_TAKEN, is_about_start
from pod_client.code.sending import Sending
from pod_client.code.settling import Settling
from pod_client.company import Company, Launched
from pod_client.console import last_words
from pod_client.dry_run import show
from pod_client.ending import gone_reason
from pod_client.exits import DETACHED
from pod_client.follow import Begin
from pod_client.known_pods import KnownPod
from pod_client.launch import Launcher, Patience, StoppedEarly
from pod_client.launching import launching
from pod_client.plan import make_plan
from pod_client.prices import no_such_gpu
from pod_client.receipt import dollars
from pod_client.reuse import AlreadyRuns, Reused, Reuser, candidates
from pod_client.user_env import hints
from pod_wire.errors import BadInput, NoCapacity
from pod_wire.orders import new_order_id
from pod_wire.routes import DEFAULT_PORT
from pod_wire.secrets import Secret

if TYPE_CHECKING:
    from pod_client.agent_api import AgentApi
    from pod_client.choices import Choices
    from pod_client.code.as_it_is import Code
    from pod_client.code.packing import Packed
    from pod_client.config import Config
    from pod_client.plan import Plan, Wishes
    from pod_client.stdout import Sink
    from pod_client.wiring import Wiring
    from pod_wire.runpod.models import Pod
    from pod_wire.runpod.pods import PodsApi

LOCAL_LOOK_S = 0.1
LAST_WORDS = 10  # lines


class Up:
    def __init__(self, wiring: Wiring, plan: Plan, choices: Choices, sink: Sink, code: Code) -> None:
        self._code = code
        self._wiring = wiring
        self._screen = wiring.screen
        self._plan = plan
        self._choices = choices
        self._sink = sink
        self._config: Config = wiring.config(local=choices.local)
        self._pods: PodsApi = wiring.pods(self._config)
        patience = Patience(look_s=LOCAL_LOOK_S if choices.local else 2.0, armed_s=choices.wait_minutes * 60)
        sending = AgentSending(self._screen)
        self._launcher = Launcher(
            self._pods, self._agent_of, self._screen, wiring.clock, patience, bring=sending.send
        )

    def run(self) -> int:
        with launching(self._config.config_dir, self._plan.spec.name, is_local=self._choices.local):
            launched = self._launch_or_undo()
        if launched is None:
            return DETACHED
        company = Company(self._wiring, self._plan, self._choices, launched, self._agent_of(launched.pod.id))
        return company.detach() if self._choices.detach else company.follow(self._sink)

    def _launch_or_undo(self) -> Launched | None:
        """None where somebody broke it off."""
        try:
            return self._launch()
        except KeyboardInterrupt:
            self._unmake("interrupted before the pod could be left alone")
            return None
        except (StoppedEarly, AlreadyRuns):
            raise
        except Exception:  # also a mistake of ours: what was made is billed all the same
            try:
                self._tell_last_words()
            finally:
                self._unmake("the launch failed")
            raise

    def _launch(self) -> Launched:
        reused = None if self._choices.new_pod else self._reuse()
        pod_id = self._create() if reused is None else reused.pod_id
        armed = self._launcher.wait(pod_id)
        pod, health = armed.pod, armed.health
        counted = "the simulator counts" if self._choices.local else "it is billed at"
        self._screen.money(f"pod {pod_id} can stop itself; until it does {counted} {dollars(pod.cost)}/h")
        if self._code.tree is not None:
            self._send(pod_id, self._code.tree)
        known = self._known(pod_id)
        if reused is None:
            return Launched(pod, known, health.self_stop, None, Begin())
        return Launched(pod, known, health.self_stop, reused.stale_order, reused.begin)

    def _tell_last_words(self) -> None:
        """What RunPod's host said of the pod: it goes with it."""
        pod_id = self._launcher.ledger.pod_id
        lines = last_words(self._config, pod_id, LAST_WORDS) if pod_id is not None else []
        if lines:
            self._screen.note("the last that RunPod's host said of the pod:\n" + "\n".join(lines))

    def _send(self, pod_id: str, tree: Packed) -> None:
        agent, clock = self._agent_of(pod_id), self._wiring.clock
        Sending(agent, tree, self._screen, clock, lambda: gone_reason(self._pods, pod_id, 0.0)).send()

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
        except BadInput as error:
            if not (self._plan.machine.sends_agent and is_about_start(str(error))):
                raise
            raise BadInput(error.message, error.mistakes, NOT_TAKEN) from None
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
                code=self._code.said,
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


def up(wiring: Wiring, wishes: Wishes, choices: Choices, sink: Sink) -> int:
    patches = wiring.config(local=False).config_dir / "patches"
    code = Settling(wiring.screen, choices, wiring.env, Path.cwd(), patches).settle(wishes)
    try:
        return _up(wiring, code, choices, sink)
    finally:
        code.close()


def _up(wiring: Wiring, code: Code, choices: Choices, sink: Sink) -> int:
    plan = make_plan(code.wishes)
    if choices.local and plan.machine.sends_agent and not wiring.config(local=True).takes_images:
        raise BadInput(
            "cannot send the agent to a local pod: it is made of this machine's own files",
            hint="leave out --agent; or start the simulator with containers: docs/simulator.md",
        )
    for warning in plan.warnings:
        wiring.screen.warn(warning)
    for hint in hints(plan.user_env, wiring.env):
        wiring.screen.note(hint)
    if choices.dry_run:
        return show(wiring, plan, local=choices.local, as_json=choices.as_json)
    return Up(wiring, plan, choices, sink, code).run()
