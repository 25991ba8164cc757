"""Whether the pod could stop itself, found out at boot by reading itself; its start and price come with the answer.

A refused read proves nothing about the right to stop, nor does a read where a lock or a cluster is in the way. Nothing
is stopped here.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_wire.errors import PodError, Refused
from pod_wire.frozen import dataclass
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
SECOND = "POD_STOP_KEY"
MERIT = (SelfStop.IMPOSSIBLE, SelfStop.UNKNOWN, SelfStop.UNPROVED, SelfStop.PROVED)


@dataclass(frozen=True, slots=True)
class Armed:
    """What reading ourselves said. ``pod`` only when it worked."""

    self_stop: SelfStop
    pod: Pod | None = None
    price: float | None = None
    reason: str = ""
    clock_words: str = ""  # what the answer's date says of the pod's clock, where that is wrong
    said: tuple[str, ...] = ()  # what a person has to know, for the status

    @property
    def disk_gb(self) -> float | None:
        """The pod's own disk, which is billed also while it is stopped."""
        own = [mount.size_gb for mount in self.pod.mounts if mount.volume is None] if self.pod else []
        return float(sum(own)) or None

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


def of_both(own: Armed, second: Armed | None) -> Armed:
    """What both keys come to, in words for the status too. ``second``: of POD_STOP_KEY, where there is one."""
    from pod_wire.runpod import hindrance  # noqa: PLC0415 - the training comes first

    best = own if second is None or MERIT.index(own.self_stop) >= MERIT.index(second.self_stop) else second
    said: list[str] = []
    if second is not None and second.self_stop is SelfStop.IMPOSSIBLE:
        said.append(f"{SECOND} is of no use: RunPod does not know it (401)")
    if best is second and own.self_stop is SelfStop.IMPOSSIBLE:
        said.append(f"only {SECOND} can stop this pod: {own.reason}")
    if best.self_stop is SelfStop.IMPOSSIBLE:
        said.append(f"this pod cannot stop itself: {best.reason}")
    pod = own.pod or (second.pod if second is not None else None)
    price = own.price if own.price is not None or second is None else second.price
    found = hindrance.of(pod) if pod is not None else None
    if found is None:
        return replace(best, pod=pod, price=price, said=tuple(said))
    said.append(f"this pod cannot stop itself, since it {found.words}; {found.remedy}")
    return replace(
        best, self_stop=SelfStop.UNPROVED, pod=pod, price=price, reason=str(found), said=tuple(said)
    )


class ArmedCheck:
    """Asks until the answer is not *unknown*, in a thread of its own. What fails is warned of, and tried again."""

    def __init__(
        self,
        look: Callable[[], Armed],
        clock: Clock,
        tell: Callable[[Armed], None],
        warn: Callable[[str], None],
    ) -> None:
        self._look = look
        self._clock = clock
        self._tell = tell
        self._warn = warn
        self._warned = ""

    def start(self) -> None:
        threading.Thread(target=self.run, name="armed-check", daemon=True).start()

    def run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._is_known():
            self._clock.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    def _is_known(self) -> bool:
        try:
            found = self._look()
            self._tell(found)
        except Exception as error:  # noqa: BLE001 - a thread's top: the next look may say it
            if repr(error) != self._warned:
                self._warned = repr(error)
                self._warn(f"self-stop is not checked: {error!r}")
            return False
        return found.self_stop is not SelfStop.UNKNOWN
