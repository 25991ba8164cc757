"""What the samples of the GPUs say of a job: computing, still, or spinning for nothing. Pure.

A rank that waits for another one in NCCL runs a kernel that only looks: the driver calls that 100 %, but the GPU takes
little more power than at rest. Without power and its limit nobody calls it spinning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.stall.raw import GpuLook
from pod_agent.pod.stall.signs import State
from pod_agent.pod.vitals.sample import Gpus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pod_agent.pod.vitals.sample import Gpu, GpuReport

COMPUTES = 0.05  # use, as a ratio
SPINS = 0.95
LITTLE_POWER = 0.35  # of the limit
LOST = "lost"


def read(reports: Iterable[GpuReport]) -> GpuLook:
    """Since the last look. Work in any sample is work."""
    found = [_of_report(report) for report in reports]
    states = {state for state, _ in found}
    for state in (State.ALIVE, State.SPINNING, State.SILENT, State.ABSENT):
        if state in states:
            return GpuLook(state, next(words for one, words in reversed(found) if one is state))
    return GpuLook(State.UNKNOWN, found[-1][1] if found else "Nobody looks at the GPUs.")


def _of_report(report: GpuReport) -> tuple[State, str]:
    if report.state is Gpus.ABSENT:
        return State.ABSENT, "This pod has no GPU."
    if report.state is Gpus.UNKNOWN:
        return State.UNKNOWN, f"{report.words or 'The driver does not answer'}."
    found = [_of_gpu(gpu) for gpu in report.found]
    states = {state for state, _ in found}
    for state in (State.ALIVE, State.UNKNOWN, State.SPINNING, State.SILENT):
        if state in states:
            return state, next(words for one, words in found if one is state)
    return State.ABSENT, "Its GPUs do not tell how busy they are."


def _of_gpu(gpu: Gpu) -> tuple[State, str]:
    if gpu.fault is not None:
        is_lost = gpu.fault == LOST
        return (State.SILENT if is_lost else State.UNKNOWN), f"GPU {gpu.label}: {gpu.words or gpu.fault}."
    use, watts, limit = gpu.utilization, gpu.power_watts, gpu.power_limit_watts
    if use is None:
        return State.ABSENT, "Its GPUs do not tell how busy they are."
    if use < COMPUTES:
        return State.SILENT, f"GPU {gpu.label} computes nothing."
    if use >= SPINS and watts is not None and limit and watts <= LITTLE_POWER * limit:
        said = f"GPU {gpu.label} says {use:.0%} at {watts:.0f} of {limit:.0f} W: it waits in a kernel."
        return State.SPINNING, said
    return State.ALIVE, f"GPU {gpu.label} computes ({use:.0%})."
