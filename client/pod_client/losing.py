"""What goes with a pod that a person stops or removes, said before it is done: by the proof rule, the agent's own.

A person's word is enough to lose it; an exit policy's is not. Not here: the rule (``pod_wire.proof``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.known_pods import last_status
from pod_wire import proof
from pod_wire.errors import PodError
from pod_wire.proof import Estate, Keeps, Way

if TYPE_CHECKING:
    from pod_client.wiring import Target, Wiring
    from pod_wire.runpod.models import Pod
    from pod_wire.status import Status


def say(wiring: Wiring, target: Target, way: Way, status: Status | None = None) -> None:
    """``status``: as the pod just told it; without one, as it did last."""
    status = status or last_status(target.known)
    job = status.job if status is not None else None
    if job is None:
        return
    alone = proof.made(len(job.attempts), job.checkpoint)
    goes = proof.judge(way, Estate(_keeps(wiring, target), alone, may_be_lost=True))
    if goes.lost:
        words = proof.listed(goes.lost)
        wiring.screen.warn(f"what only pod {target.pod_id} has of job '{job.name}' goes with it: {words}")


def _keeps(wiring: Wiring, target: Target) -> Keeps:
    try:
        return keeps(wiring.pods(target.config).get(target.pod_id))
    except PodError:
        return Keeps.UNKNOWN


def keeps(pod: Pod) -> Keeps:
    """Where its work lies, by RunPod's own record."""
    if any(mount.volume is not None for mount in pod.mounts):
        return Keeps.NETWORK
    return Keeps.DISK if pod.mounts else Keeps.NOTHING
