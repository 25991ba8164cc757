"""One look at the pod: every source asked once, and each that fails is a gap, never a zero. Thin.

Not here: what it means (``measure``), and how often (``watch``).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from pod_agent.pod.idle import network, notebooks, processes, terminals
from pod_agent.pod.idle.raw import Raw
from pod_agent.pod.idle.signs import Gap, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_agent.pod.idle.raw import GpuReading, Roles

T = TypeVar("T")
SHARED = Gap(State.ABSENT, "A simulated pod shares its machine's network.")


class Sources:
    """Where things are read. ``root`` is the machine's; ``is_shared``: the network is not this pod's alone."""

    def __init__(
        self,
        root: Path,
        gpu: Callable[[], GpuReading | Gap],
        *,
        is_shared: bool = False,
        jupyter_dir: str | None = None,
    ) -> None:
        self._root = root
        self._proc = root / "proc"
        self._gpu = gpu
        self._is_shared = is_shared
        self._jupyter_dir = jupyter_dir
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")

    def look(self, at: float, wall: float, roles: Roles, *, is_resting: bool) -> Raw:
        return Raw(
            at=at,
            is_resting=is_resting,
            roles=roles,
            processes=_read(lambda: processes.read(self._proc, roles)),
            gpus=_read(self._gpu),
            terminals=_read(lambda: terminals.read(self._root / "dev" / "pts")),
            traffic=SHARED if self._is_shared else _read(lambda: network.traffic(self._proc)),
            connections=SHARED if self._is_shared else _read(network.connections),
            kernels=_read(lambda: notebooks.read(self._root, self._jupyter_dir)),
            ticks_per_s=self._ticks_per_s,
            wall=wall,
        )

    def tell(self, text: str) -> None:
        """To everybody who is logged in."""
        terminals.tell(self._root / "dev" / "pts", text)


def _read(ask: Callable[[], T]) -> T | Gap:
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in reading is unknown, and nothing else
        return Gap(State.UNKNOWN, f"It cannot be read: {error!r}.")
