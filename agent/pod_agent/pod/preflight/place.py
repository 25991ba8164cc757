"""What a check is about: the pod as its environment tells it, and what the job at hand brings. Values only."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.preflight.cuda import COMPATIBILITY
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_agent.settings import Settings

SHARED = Path("/dev/shm")  # noqa: S108 - looked at, not written to


@dataclass(frozen=True, slots=True)
class Place:
    """``pretended_gpus``: a simulated pod; what it has of the machine it runs on is not judged."""

    workspace: Path
    disk: Path
    runpod_url: str
    is_pod: bool = False
    promised: int | None = None  # GPUs
    pretended_gpus: int | None = None
    has_network_volume: bool = False
    price: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    shared: Path = SHARED
    compatibility: Path = COMPATIBILITY
    devices: Path = Path("/dev")
    begins_cuda: bool = True  # once in a boot: on many GPUs it takes seconds

    @property
    def is_simulated(self) -> bool:
        return self.pretended_gpus is not None


@dataclass(frozen=True, slots=True)
class Load:
    """What the job brings. ``checkpoint_bytes``: the largest known of its run; ``must_fetch``: its code is not here."""

    job: str  # the spec's hash
    repo: str | None = None
    must_fetch: bool = False
    checkpoint_bytes: int = 0
    is_ephemeral: bool = False


def of(settings: Settings) -> Place:
    return Place(
        workspace=settings.workspace,
        disk=settings.disk_dir,
        runpod_url=settings.runpod_url,
        is_pod=settings.pod_id is not None,
        promised=settings.gpu_count,
        pretended_gpus=settings.pretended_gpus,
        has_network_volume=bool(settings.job_environment.get("RUNPOD_VOLUME_ID")),
        price=settings.price,
        environment=settings.job_environment,
    )
