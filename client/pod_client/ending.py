"""How a pod stands once it cannot be asked itself: by the provider's record, seen often enough to be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pod_client.receipt import Bill, seconds
from pod_wire.errors import Broken, Conflict, NotFound, PodError, Unreachable
from pod_wire.status import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_client.agent_api import AgentApi
    from pod_client.wiring import Target, Wiring
    from pod_wire.clock import Clock
    from pod_wire.runpod.models import Pod
    from pod_wire.runpod.pods import PodsApi
    from pod_wire.status import Status

T = TypeVar("T")
STOPPING_S = 20.0  # how long a receipt waits for a stop that is under way
STOPPED = "the pod has stopped"
GIVE_UP_S = 600.0  # of silence, where RunPod cannot be asked


def find(pods: PodsApi, pod_id: str) -> Pod | None:
    """The pod's record; None when it is no more. One 404 proves nothing: the list must be without it, too."""
    try:
        return pods.get(pod_id)
    except NotFound:
        return next((pod for pod in pods.list() if pod.id == pod_id), None)


def gone_reason(pods: PodsApi | None, pod_id: str, silent_s: float) -> str | None:
    """Why the pod will not answer any more; None while it may. Without a key only its own silence tells."""
    if pods is None:
        if silent_s < GIVE_UP_S:
            return None
        return f"it has not answered for {seconds(silent_s)}, and without RUNPOD_API_KEY nobody else can be asked"
    try:
        pod = find(pods, pod_id)
    except PodError:
        return None
    if pod is None:
        return "the pod was removed"
    return {
        "EXITED": STOPPED,
        "TERMINATED": "the pod was removed",
        "ERROR": "RunPod says that the pod is in error",
    }.get(pod.status)


def ask_status(wiring: Wiring, target: Target) -> Status:
    """The pod's own word; where it does not answer, RunPod may know why."""
    return ask(wiring, target, lambda agent: agent.status())


def ask(
    wiring: Wiring,
    target: Target,
    question: Callable[[AgentApi], T],
    kept: str = "log",
    command: str = "logs",
) -> T:
    """Its agent's answer. Where there is none, why: ``kept`` lies on a stopped pod's disk, ``command`` shows it."""
    try:
        return question(wiring.agent_of(target))
    except (Unreachable, NotFound, Broken):
        pod = target.pod_id
        reason = gone_reason(wiring.pods_or_none(target.config), pod, 0.0)
        if reason is None:
            raise
        last = f"its last words: pod-client status {pod}"
        if reason == STOPPED:
            last += f"; its {kept} is on its disk: pod-client start {pod}, then pod-client {command} {pod}"
        raise Conflict(f"cannot ask pod {pod}: {reason}", last) from None


def is_stopping(status: Status | None) -> bool:
    """Whether a stop is under way, or is due within moments; the receipt foresees what the exit policy does."""
    if status is None:
        return False
    if status.receipt is not None and status.receipt.get("stop") is not None:
        return True
    soon = status.stops_at is not None and status.stops_at - status.now < STOPPING_S
    return status.phase is Phase.STOPPING or soon


def final_bill(pods: PodsApi | None, pod_id: str, clock: Clock, *, expects_stop: bool) -> Bill:
    """The pod's record for the receipt, once the stop that the job's end brings has happened."""
    if pods is None:
        return Bill(pod_id, "unknown", None, None)
    until = clock.monotonic() + (STOPPING_S if expects_stop else 0.0)
    while True:
        bill = _bill(pods, pod_id)
        if bill.state not in {"RUNNING", "unknown"} or clock.monotonic() >= until:
            return bill
        clock.sleep(0.2)


def _bill(pods: PodsApi, pod_id: str) -> Bill:
    try:
        pod = find(pods, pod_id)
    except PodError:
        return Bill(pod_id, "unknown", None, None)
    if pod is None:
        return Bill(pod_id, "gone", None, None)
    own_disk = sum(mount.size_gb for mount in pod.mounts if mount.volume is None)
    return Bill(pod_id, pod.status, pod.cost or None, own_disk or None)


def pod_document(pod: Pod) -> dict[str, object]:
    """A pod for --json: never its environment."""
    return {
        "id": pod.id,
        "name": pod.name,
        "status": pod.status,
        "gpu": pod.gpu_id,
        "gpu_count": pod.gpu_count,
        "price_per_hour": pod.cost,
        "image": pod.image,
    }
