"""The commands that change a pod or its job: cancel, restart, stop, start, rm. Each says what it means for the bill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client import losing
from pod_client.bare.sending import AgentSending
from pod_client.ending import ask_status
from pod_client.exits import DETACHED, DONE, UNREACHED
from pod_client.launch import Launcher, Patience, StoppedEarly
from pod_client.ledger import Made
from pod_client.receipt import dollars
from pod_client.removal import Removal
from pod_wire.errors import Conflict, NoCapacity, PodError, Unreachable
from pod_wire.proof import Way
from pod_wire.status import Phase

if TYPE_CHECKING:
    from pod_client.wiring import Target, Wiring
    from pod_wire.status import Status

STARTABLE = ("EXITED", "ERROR")
WORKING = (Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING, Phase.RUNNING, Phase.DRAINING)


def cancel(wiring: Wiring, target: Target) -> int:
    """End the job; the pod then waits, under its idle watchdog."""
    agent = wiring.agent_of(target)
    job = _running_job(wiring, target)
    agent.cancel(job)
    wiring.screen.step(f"job '{job}' is being cancelled")
    wiring.screen.money(
        f"this pod is still billed until it stops itself for idleness; at once: pod-client stop {target.pod_id}"
    )
    return DONE


def restart(wiring: Wiring, target: Target) -> int:
    """End the attempt and resume from the newest whole checkpoint."""
    job = _running_job(wiring, target)
    wiring.agent_of(target).restart(job)
    wiring.screen.step(
        f"job '{job}' ends its attempt and resumes; follow it: pod-client logs -f {target.pod_id}"
    )
    return DONE


def stop(wiring: Wiring, target: Target) -> int:
    """Through RunPod, confirmed; without a key the pod is asked to do it itself."""
    if target.config.api_key is None:
        wiring.agent_of(target).stop()
        wiring.screen.step(f"pod {target.pod_id} was asked to stop itself")
        wiring.screen.warn("not confirmed: without RUNPOD_API_KEY only the pod's word is to be had")
        return DONE
    losing.say(wiring, target, Way.STOP, _remember(wiring, target))
    return DONE if _removal(wiring, target).stop(target.pod_id) else UNREACHED


def remove(wiring: Wiring, target: Target, *, force: bool) -> int:
    """With all that is on its disk. A job that runs is not removed by accident."""
    removal = _removal(wiring, target)
    if not force and _is_working(wiring, target):
        raise Conflict(
            f"cannot remove pod {target.pod_id}: its job is running",
            f"first: pod-client stop {target.pod_id}; or give --force",
        )
    losing.say(wiring, target, Way.TERMINATE)
    if not removal.remove(target.pod_id):
        return UNREACHED
    wiring.known.forget(target.pod_id)
    return DONE


def start(wiring: Wiring, target: Target, wait_minutes: float) -> int:
    """A job that was interrupted goes on; one that ended waits for a new order."""
    launcher = _launcher(wiring, target, wait_minutes)
    now = wiring.pods(target.config).get(target.pod_id).status
    if now not in STARTABLE:  # asked first: undoing the start of a pod that runs would stop its job
        raise Conflict(f"cannot start pod {target.pod_id}: it is {now.lower()}")
    launcher.ledger.note(target.pod_id, Made.STARTED)
    try:
        _start(wiring, target, launcher)
        armed = launcher.wait(target.pod_id)
    except KeyboardInterrupt:
        wiring.screen.warn("interrupted before the pod could be left alone")
        launcher.undo()
        return DETACHED
    except StoppedEarly:
        raise
    except Exception:
        if launcher.ledger.pod_id is not None:
            launcher.undo()
        raise
    wiring.screen.step(
        f"pod {target.pod_id} is up, phase {armed.health.phase}; how it is: pod-client status {target.pod_id}"
    )
    wiring.screen.money(f"it is billed at {dollars(armed.pod.cost)}/h until it stops itself")
    return DONE


def _start(wiring: Wiring, target: Target, launcher: Launcher) -> None:
    pods = wiring.pods(target.config)
    try:
        pods.act(target.pod_id, "start")
    except NoCapacity:
        launcher.ledger.clear()
        raise NoCapacity(
            f"cannot start pod {target.pod_id}: its host has no free GPU now; it stays stopped",
            "a stopped pod is tied to its host: try later; or a new one: pod-client up --new-pod",
        ) from None
    except Conflict:
        launcher.ledger.clear()
        raise


def _removal(wiring: Wiring, target: Target) -> Removal:
    return Removal(wiring.pods(target.config), wiring.screen, wiring.clock)


def _launcher(wiring: Wiring, target: Target, wait_minutes: float = 20.0) -> Launcher:
    patience = Patience(look_s=0.1 if target.config.is_local else 2.0, armed_s=wait_minutes * 60)
    return Launcher(
        wiring.pods(target.config),
        lambda pod_id: wiring.agent(target.config, pod_id, target.token, target.port),
        wiring.screen,
        wiring.clock,
        patience,
        bring=AgentSending(wiring.screen).send,
    )


def _running_job(wiring: Wiring, target: Target) -> str:
    status = ask_status(wiring, target)
    if status.job is None:
        raise Conflict(f"cannot do that on pod {target.pod_id}: it has no job", "pod-client up gives it one")
    return status.job.name


def _is_working(wiring: Wiring, target: Target) -> bool:
    """Only where the pod says so itself: one that does not answer can always be removed."""
    if target.token is None:
        return False
    try:
        return wiring.agent_of(target).status().phase in WORKING
    except PodError:
        return False


def _remember(wiring: Wiring, target: Target) -> Status | None:
    """A stopped pod cannot be asked: keep its last words."""
    if target.token is None:
        return None
    try:
        status = wiring.agent_of(target).status()
        wiring.remember(target.pod_id, status)
    except (Unreachable, PodError) as error:
        wiring.screen.note(f"its last status is not known: {error.message}")
        return None
    return status
