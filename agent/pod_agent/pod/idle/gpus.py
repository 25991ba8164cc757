"""Where the GPUs' reading comes from as long as nobody samples them: the driver is asked by preflight's own program.

Rarely, in a thread of its own, and only while there is no job: a sick driver hangs whoever asks it. Not here: NVML.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pod_agent.pod.idle.raw import Card, GpuReading
from pod_agent.pod.idle.signs import Gap, State
from pod_agent.pod.preflight import gpu_look, gpus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pod_wire.clock import Clock

EVERY_S = 60.0
OLD_S = 150.0  # an answer that is older is none
NONE = frozenset({gpus.NO_LIBRARY, "no_driver"})
UNASKED = GpuReading(absent="It is looked at while there is no job.")
UNTOLD = GpuReading(absent="The agent cannot ask NVIDIA's driver: its Python has no binding for it.")
SILENT = Gap(State.UNKNOWN, "The GPU's driver does not answer.")


def reading(found: gpus.Gpus) -> GpuReading | None:
    """What the driver told; None where it did not. A pod without the driver's library has no GPU."""
    if found.fault in NONE:
        return GpuReading()
    if found.fault == gpus.NO_BINDING:
        return UNTOLD
    if found.fault is not None or len(found.usable) < len(found.found):
        return None
    return GpuReading(
        tuple(Card(_ratio(one.busy_percent), one.taken_bytes, one.processes) for one in found.found)
    )


def _ratio(percent: int | None) -> float | None:
    return None if percent is None else percent / 100


class Asked:
    """A provider: returns at once, with the latest answer that is not old."""

    def __init__(
        self,
        environment: Mapping[str, str],
        clock: Clock,
        *,
        has_devices: bool,
        is_resting: Callable[[], bool],
        pretended: int | None = None,
        look: Callable[[Mapping[str, str]], gpus.Gpus] = lambda env: gpu_look.look(env, begins_cuda=False),
    ) -> None:
        self._environment = environment
        self._clock = clock
        self._has_devices = has_devices
        self._is_resting = is_resting
        self._pretended = pretended
        self._look = look
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._is_asking = False
        self._answer: tuple[float, GpuReading | None] | None = None

    def __call__(self) -> GpuReading | None:
        if self._pretended is not None:  # a simulated pod's compute nothing
            return GpuReading(tuple(Card(0.0) for _ in range(self._pretended)))
        if not self._has_devices:
            return GpuReading()
        if not self._is_resting():
            return UNASKED
        now = self._clock.monotonic()
        with self._lock:
            is_due = self._asked_at is None or now - self._asked_at >= EVERY_S
            if is_due and not self._is_asking:
                self._asked_at, self._is_asking = now, True
                threading.Thread(target=self._ask, name="idle-gpus", daemon=True).start()
            if self._answer is None or now - self._answer[0] > OLD_S:
                return None
            return self._answer[1]

    def _ask(self) -> None:
        found: GpuReading | None = None
        try:
            found = reading(self._look(self._environment))
        finally:
            with self._lock:
                self._is_asking = False
                self._answer = (self._clock.monotonic(), found)
