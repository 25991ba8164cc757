"""Whether the pod could stop itself, found out at boot by reading itself; its start and price come with the answer.

A refused read proves nothing about the right to stop. Nothing is stopped here.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_wire.errors import PodError, Refused
from pod_wire.status import SelfStop

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_wire.clock import Clock
    from pod_wire.runpod.graphql import GraphqlApi
    from pod_wire.runpod.models import Pod
    from pod_wire.runpod.pods import PodsApi

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
KEY_UNKNOWN = 401


@dataclass(frozen=True, slots=True)
class Armed:
    """What reading ourselves said. ``pod`` only when it worked."""

    self_stop: SelfStop
    pod: Pod | None = None
    price: float | None = None
    reason: str = ""
    clock_words: str = ""  # what the answer's date says of the pod's clock, where that is wrong

    @property
    def gpu(self) -> str | None:
        """What of GPUs this pod has, as RunPod calls it; None where that is not known."""
        pod = self.pod
        return f"{pod.gpu_count} x {pod.gpu_id}" if pod is not None and pod.gpu_id and pod.gpu_count else None


def check(pod_id: str | None, pods: PodsApi | None, graphql: GraphqlApi | None) -> Armed:
    """Whether we could stop ourselves, by reading ourselves. A refused read proves nothing about stopping."""
    if pod_id is None or pods is None or graphql is None:
        missing = "RUNPOD_POD_ID" if pod_id is None else "RUNPOD_API_KEY"
        return Armed(SelfStop.IMPOSSIBLE, reason=f"{missing} is not set: this is no RunPod pod")
    try:
        pod = pods.get(pod_id)
    except Refused as error:
        if error.status_seen != KEY_UNKNOWN:
            return Armed(SelfStop.UNPROVED, reason="reading the own pod was refused (403)")
    except PodError as error:
        return Armed(SelfStop.UNKNOWN, reason=error.message)
    else:
        return Armed(SelfStop.PROVED, pod, pod.cost or None)
    try:
        return Armed(SelfStop.PROVED, price=graphql.pod_cost(pod_id))
    except Refused as error:
        if error.status_seen == KEY_UNKNOWN:
            return Armed(SelfStop.IMPOSSIBLE, reason="RunPod does not know the pod's key (401 everywhere)")
        return Armed(SelfStop.UNPROVED, reason="reading the own pod was refused")
    except PodError as error:
        return Armed(SelfStop.UNKNOWN, reason=error.message)


class ArmedCheck:
    """Asks until the answer is not *unknown*, in a thread of its own."""

    def __init__(self, look: Callable[[], Armed], clock: Clock, tell: Callable[[Armed], None]) -> None:
        self._look = look
        self._clock = clock
        self._tell = tell

    def start(self) -> None:
        threading.Thread(target=self.run, name="armed-check", daemon=True).start()

    def run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            found = self._look()
            self._tell(found)
            if found.self_stop is not SelfStop.UNKNOWN:
                return
            self._clock.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
