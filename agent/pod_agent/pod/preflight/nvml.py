"""Asks NVIDIA's driver what GPUs there are: a program of its own, as a sick driver hangs or crashes whoever asks it.

``python -I nvml.py [cuda]`` writes JSON to stdout, a line each. Everything that goes wrong is a fact in it, never a
crash. The only module that touches ``pynvml``; it imports nothing of ours, and nothing imports it.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
Fact = str | int | None
NOT_FOUND = 6
FAULTS = {  # NVML's return codes, by number: they are part of its ABI
    9: "no_driver",  # DRIVER_NOT_LOADED
    12: "no_library",  # LIBRARY_NOT_FOUND
    15: "lost",  # GPU_IS_LOST
    18: "mismatch",  # LIB_RM_VERSION_MISMATCH
}


def main() -> None:
    """The driver's facts on one line, whatever CUDA does then; what its beginning says on the next."""
    told = look()
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    if "cuda" in sys.argv and told.get("gpus"):
        sys.stdout.write(json.dumps({"error": begin_cuda()}) + "\n")


def begin_cuda() -> int:
    """As every program that uses CUDA does first; no GPU memory is taken by it. -1: there is no library for it."""
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return -1
    return int(library.cuInit(0))


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
            "gpus": [fact for index in range(int(pynvml.nvmlDeviceGetCount())) for fact in _of(index)],
        }
    except pynvml.NVMLError as error:
        return _fault(error)


def _of(index: int) -> list[dict[str, Fact]]:
    """A GPU; where it is cut into slices (MIG), those of them that are ours, each of which counts as one."""
    import pynvml  # noqa: PLC0415 - loaded already

    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        name = str(pynvml.nvmlDeviceGetName(handle))
    except pynvml.NVMLError as error:
        return [{"index": index, **_fault(error)}]
    if not (_or_none(lambda: list(pynvml.nvmlDeviceGetMigMode(handle))) or [0])[0]:
        return [_gpu(index, name, handle)]
    try:
        slices = _slices(handle)
    except pynvml.NVMLError:  # its memory is shared with others, and tells nothing
        return [{"index": index, "name": name}]
    if not slices:
        return [{"index": index, "name": name, "fault": "no_slice", "words": ""}]
    return [_gpu(index, name, part) for part in slices]


def _slices(handle: object) -> list[object]:
    import pynvml  # noqa: PLC0415 - loaded already

    found: list[object] = []
    for number in range(int(pynvml.nvmlDeviceGetMaxMigDeviceCount(handle))):
        try:
            found.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number))
        except pynvml.NVMLError as error:
            if error.value != NOT_FOUND:
                raise
    return found


def _gpu(index: int, name: str, handle: object) -> dict[str, Fact]:
    import pynvml  # noqa: PLC0415 - loaded already

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
    busy = _or_none(lambda: int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu))
    return {**found, "processes": processes, "busy": busy}


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
