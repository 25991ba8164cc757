"""What keeps RunPod from stopping a pod, whoever asks: a lock, or a cluster that it belongs to. Pure.

Not here: asking (``pods``), and what is done about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pod_wire.frozen import dataclass
from pod_wire.runpod.models import PodState

if TYPE_CHECKING:
    from pod_wire.runpod.models import Pod

UNLOCK: Final = "unlock it in RunPod's console, or with PATCH /v2/pods/ID and locked: false"
ENDED: Final = frozenset({PodState.EXITED, PodState.TERMINATED})


@dataclass(frozen=True, slots=True)
class Hindrance:
    """``words`` go on "the pod ..."; ``remedy`` is a person's to do."""

    words: str
    remedy: str

    def __str__(self) -> str:
        return f"the pod {self.words}: {self.remedy}"


def of(pod: Pod) -> Hindrance | None:
    """As the pod's own record tells it; a stopped pod needs no stop."""
    if pod.status in ENDED:
        return None
    if pod.locked:
        return Hindrance("is locked, so RunPod refuses to stop it", UNLOCK)
    if pod.cluster is not None:
        return _of_cluster(pod.cluster)
    return None


def told(words: str) -> Hindrance | None:
    """As a refusal names it, where the record cannot be read."""
    text = words.lower()
    if "locked" in text:
        return Hindrance("is locked, so RunPod refuses to stop it", UNLOCK)
    return _of_cluster("") if "cluster" in text else None


def _of_cluster(cluster: str) -> Hindrance:
    name = f"cluster {cluster}" if cluster else "a cluster"
    return Hindrance(
        f"belongs to {name}, so RunPod may refuse to stop it alone",
        "end the whole cluster, in RunPod's console or with DELETE /v2/clusters/ID",
    )
