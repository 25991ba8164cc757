"""A watcher of recorded GPUs, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.vitals.gpu_watch import GpuWatch, Patience
from tests.fakes.clock import FakeClock
from tests.fakes.nvml_replay import Replay

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.nvml import FakeDriver

CALM = Patience(answer_s=20.0, hung_s=60.0)  # a loaded machine starts Python slowly


class Recordings:
    """Each call makes a watcher of one recording, the recording, and the watcher's clock."""

    def __init__(self, driver: FakeDriver, devices: Path) -> None:
        self._driver = driver
        self._devices = devices
        self._made: list[GpuWatch] = []

    def __call__(
        self, name: str, patience: Patience = CALM, **more: int
    ) -> tuple[GpuWatch, Replay, FakeClock]:
        replay, clock = Replay(self._driver, name), FakeClock()
        watcher = GpuWatch(self._driver.environment, clock, patience=patience, devices=self._devices, **more)
        self._made.append(watcher)
        return watcher, replay, clock

    def close(self) -> None:
        for one in self._made:
            one.close()
