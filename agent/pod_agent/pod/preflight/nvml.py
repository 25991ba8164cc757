"""Asks NVIDIA's driver what GPUs there are: a program of its own, as a sick driver hangs or crashes whoever asks it.

``python -I nvml.py`` writes one JSON object to stdout. Everything that goes wrong is a fact in it, never a crash. The
only module that touches ``pynvml``; it imports nothing of ours, and nothing imports it.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
Fact = str | int | None
FAULTS = {  # NVML's return codes, by number: they are part of its ABI
    9: "no_driver",  # DRIVER_NOT_LOADED
    12: "no_library",  # LIBRARY_NOT_FOUND
    15: "lost",  # GPU_IS_LOST
    18: "mismatch",  # LIB_RM_VERSION_MISMATCH
}


def main() -> None:
    sys.stdout.write(json.dumps(look()) + "\n")


def look() -> Mapping[str, object]:
    """Driver, CUDA and each GPU; ``fault`` where the driver could not be asked at all."""
    try:
        import pynvml  # noqa: PLC0415 - its absence is a fact too
    except ImportError as error:
        return {"fault": "no_binding", "words": str(error)}
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return _fault(error)
    try:
        return {
            "driver": _or_none(lambda: str(pynvml.nvmlSystemGetDriverVersion())),
            "cuda": _or_none(lambda: int(pynvml.nvmlSystemGetCudaDriverVersion_v2())),
            "gpus": [_gpu(index) for index in range(int(pynvml.nvmlDeviceGetCount()))],
        }
    except pynvml.NVMLError as error:
        return _fault(error)


def _gpu(index: int) -> dict[str, Fact]:
    import pynvml  # noqa: PLC0415 - loaded already

    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        name = str(pynvml.nvmlDeviceGetName(handle))
    except pynvml.NVMLError as error:
        return {"index": index, **_fault(error)}
    found: dict[str, Fact] = {"index": index, "name": name}
    try:
        try:
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
        except pynvml.NVMLError as error:
            if FAULTS.get(error.value) == "lost":
                raise
            memory = pynvml.nvmlDeviceGetMemoryInfo(
                handle
            )  # an older driver: what it keeps for itself counts too
        found |= {"total": int(memory.total), "taken": int(memory.used)}
    except pynvml.NVMLError as error:
        if FAULTS.get(error.value) == "lost":
            return {"index": index, "name": name, **_fault(error)}
    processes = _or_none(lambda: len(pynvml.nvmlDeviceGetComputeRunningProcesses_v3(handle)))
    return {**found, "processes": processes}


def _fault(error: Exception) -> dict[str, Fact]:
    return {"fault": FAULTS.get(getattr(error, "value", 0), "other"), "words": str(error)}


def _or_none(ask: Callable[[], T]) -> T | None:
    import pynvml  # noqa: PLC0415 - loaded already

    try:
        return ask()
    except pynvml.NVMLError:
        return None


if __name__ == "__main__":
    main()
