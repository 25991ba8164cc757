"""The GPUs of a sample as ``/status`` shows them: a few figures of each. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod.vitals.sample import Gpus
from pod_wire.status import GpuStatus

if TYPE_CHECKING:
    from pod_agent.pod.vitals.sample import Gpu, Sample
    from pod_wire.status import Status


def with_gpus(status: Status, sample: Sample | None) -> Status:
    """The same status, and what is known of the GPUs."""
    if sample is None or sample.gpus.state is Gpus.UNKNOWN:
        return status
    return replace(status, gpus=tuple(_shown(gpu) for gpu in sample.gpus.found))


def _shown(gpu: Gpu) -> GpuStatus:
    return GpuStatus(
        gpu=gpu.label,
        name=gpu.name,
        utilization=gpu.utilization,
        memory_used_bytes=gpu.memory_used_bytes,
        memory_bytes=gpu.memory_bytes,
        power_watts=gpu.power_watts,
        power_limit_watts=gpu.power_limit_watts,
        temperature_celsius=gpu.temperature_celsius,
        fault=gpu.fault,
    )
