"""The search for the pod's price, in a thread of its own: asked again until somebody knows, or nobody can.

The training does not wait for it longer than preflight says. Not here: who is asked in which order (``pod.price``).
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from pod_agent.pod import price
from pod_agent.pod.price import Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.price import Way
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock

LIMIT_S = 600.0  # of a network that does not answer: a pod whose budget nobody can keep is not kept longer
TIMEOUT_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
UNNAMED = "no GPU of this pod is known by name, to look it up in RunPod's list"
NO_POD = "this is no RunPod pod, and POD_PRICE does not say it"
log = logging.getLogger("podkeep")


class PriceSearch:
    """``latest`` is what is known; ``ways`` are asked anew each time."""

    def __init__(
        self, settings: Settings, clock: Clock, ways: Callable[[], tuple[Way, ...]] | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ways = ways or (lambda: ways_of(settings))
        self._lock = threading.Lock()
        self._has_begun = False
        self.latest = Asked(reason="RunPod was not asked yet")

    def begin(self) -> None:
        """Ask, unless that is under way."""
        with self._lock:
            if self._has_begun:
                return
            self._has_begun = True
        threading.Thread(target=self.run, name="price", daemon=True).start()

    def run(self) -> None:
        """Until it is known, or is known to be unknown, or has taken too long."""
        until, pause_s = self._clock.monotonic() + LIMIT_S, FIRST_PAUSE_S
        while True:
            found = self._look()
            if found.price is None and self._clock.monotonic() + pause_s >= until:
                found = Asked(None, found.reason, is_final=True)
            self.latest = found
            if found.price is not None or found.is_final:
                said = f"{found.price.per_hour:g}" if found.price is not None else "unknown"
                log.info("price=%s reason=%r", said, found.price.source if found.price else found.reason)
                return
            self._clock.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    def _look(self) -> Asked:
        try:
            return price.ask(self._ways())
        except Exception as error:  # noqa: BLE001 - a thread's top: asked again, and in the end unknown
            return Asked(reason=f"a defect of podkeep: {error!r}")


def ways_of(settings: Settings, look: Callable[[Settings], tuple[str, ...]] | None = None) -> tuple[Way, ...]:
    """Of this pod: its own record by both APIs, then the list of GPUs, which needs no key. ``look``: at the GPUs."""
    from pod_wire.runpod.graphql import GraphqlApi, gpu_prices  # noqa: PLC0415 - http.client and ssl do not train
    from pod_wire.runpod.pods import PodsApi  # noqa: PLC0415
    from pod_wire.runpod.transport import StdlibTransport  # noqa: PLC0415

    pod, key, wire = settings.pod_id, settings.api_key, StdlibTransport()
    if pod is None:
        return (price.nobody(NO_POD),)
    ways: list[Way] = []
    if key is not None:
        pods = PodsApi(settings.runpod_url, key, wire, TIMEOUT_S)
        graphql = GraphqlApi(settings.graphql_url, key, wire, TIMEOUT_S)
        ways = [(price.OF_POD, lambda: pods.get(pod).cost), (price.OF_POD, lambda: graphql.pod_cost(pod))]
    found = price.driver_names(settings.machine)
    told = settings.job_environment.get("RUNPOD_GPU_NAME", "")
    names = tuple(dict.fromkeys(name for name in (told, *found) if name)) or (look or _seen)(settings)
    if not names:
        return (*ways, price.nobody(UNNAMED))
    count = settings.gpu_count or len(found) or 1
    who = price.LISTED.format(count=count, name=names[0])
    return (
        *ways,
        (who, lambda: price.listed(gpu_prices(settings.graphql_url, wire, TIMEOUT_S), names, count)),
    )


def _seen(settings: Settings) -> tuple[str, ...]:
    """The names as the driver's library tells them, asked by a program of its own."""
    if settings.pretended_gpus is not None:
        return ()
    from pod_agent.pod.preflight import gpu_look  # noqa: PLC0415 - only where nothing else names the GPUs

    return tuple(
        dict.fromkeys(gpu.name for gpu in gpu_look.look(settings.job_environment, begins_cuda=False).found)
    )
