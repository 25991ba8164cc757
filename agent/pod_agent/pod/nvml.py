"""Asks NVIDIA's driver about its GPUs: a program of its own, as a sick driver hangs or crashes whoever asks it.

``python -I nvml.py [cuda]`` writes JSON to stdout, a line each, and ends. ``python -I nvml.py watch`` writes a line for
each that it is sent: at once, or within the next second where that says ``next``. Everything that goes wrong is a fact
in it, never a crash. The only module that touches ``pynvml``; it imports nothing of ours, and nothing imports it.
"""

from __future__ import annotations

import ctypes
import json
import select
import sys
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
Fact = str | int | None
UNINITIALIZED, NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND, LOST, RESET_REQUIRED = 1, 3, 6, 13, 15, 16
FAULTS = {  # NVML's return codes, by number: they are part of its ABI
    9: "no_driver",  # DRIVER_NOT_LOADED
    12: "no_library",  # LIBRARY_NOT_FOUND
    15: "lost",  # GPU_IS_LOST
    18: "mismatch",  # LIB_RM_VERSION_MISMATCH
}
GONE = (UNINITIALIZED, LOST, RESET_REQUIRED)  # nothing more of this GPU can be asked
NEVER = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)  # this GPU or driver will not know it a second later either
SELDOM = 10  # lines: what changes seldom, or costs the driver milliseconds, is asked for each tenth of them
LEAD_S = 0.1  # before the second is full, which is when whoever asks looks up
MOST_EVENTS = 100  # in a line; the rest waits for the next


def main() -> None:
    """The driver's facts on one line, whatever CUDA does then; what its beginning says on the next."""
    _end_with_who_asks()
    if "watch" in sys.argv:
        _watch()
        return
    told = look()
    _say(told)
    if "cuda" in sys.argv and told.get("gpus"):
        _say({"error": begin_cuda()})


def _end_with_who_asks() -> None:
    """With the thread that began us, however it ends: amid a call that hangs, no pipe's end is noticed."""
    ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    poll = select.poll()
    poll.register(sys.stdout, 0)
    if poll.poll(0):  # it was gone before: nobody reads what we would say
        sys.exit()


def _say(told: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def begin_cuda() -> int:
    """As every program that uses CUDA does first; no GPU memory is taken by it. -1: there is no library for it."""
    try:
        return int(ctypes.CDLL("libcuda.so.1").cuInit(0))
    except OSError:
        return -1


def look() -> Mapping[str, object]:
    """Driver, CUDA and each GPU; ``fault`` where the driver could not be asked at all."""
    if (fault := _begin()) is not None:
        return fault
    import pynvml  # noqa: PLC0415 - loaded already

    try:
        return {**_driver(), "gpus": _each(_gpu)}
    except pynvml.NVMLError as error:
        return _fault(error)


def _begin() -> Mapping[str, Fact] | None:
    """The reason why the driver cannot be asked; None when it can."""
    try:
        import pynvml  # noqa: PLC0415 - its absence is a fact too
    except ImportError as error:
        return {"fault": "no_binding", "words": str(error)}
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return _fault(error)
    return None


def _driver() -> Mapping[str, Fact]:
    import pynvml  # noqa: PLC0415 - loaded already

    return {
        "driver": _or_none(lambda: str(pynvml.nvmlSystemGetDriverVersion())),
        "cuda": _or_none(lambda: int(pynvml.nvmlSystemGetCudaDriverVersion_v2())),
    }


def _each(tell: Callable[[int, str, object], T]) -> list[T | dict[str, Fact]]:
    """Of every GPU, or slice of one, what ``tell`` says of its index, name and handle."""
    import pynvml  # noqa: PLC0415 - loaded already

    return [fact for index in range(int(pynvml.nvmlDeviceGetCount())) for fact in _of(index, tell)]


def _of(index: int, tell: Callable[[int, str, object], T]) -> list[T | dict[str, Fact]]:
    """A GPU; where it is cut into slices (MIG), those of them that are ours, each of which counts as one."""
    import pynvml  # noqa: PLC0415 - loaded already

    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        name = str(pynvml.nvmlDeviceGetName(handle))
    except pynvml.NVMLError as error:
        return [{"index": index, **_fault(error)}]
    if not (_or_none(lambda: list(pynvml.nvmlDeviceGetMigMode(handle))) or [0])[0]:
        return [tell(index, name, handle)]
    try:
        slices = _slices(handle)
    except pynvml.NVMLError:  # its memory is shared with others, and tells nothing
        return [{"index": index, "name": name}]
    if not slices:
        return [{"index": index, "name": name, "fault": "no_slice", "words": ""}]
    return [tell(index, name, part) for part in slices]


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
        found["total"], found["taken"] = _memory(handle)
    except pynvml.NVMLError as error:
        if error.value == LOST:
            return {"index": index, "name": name, **_fault(error)}
    processes = _or_none(lambda: len(pynvml.nvmlDeviceGetComputeRunningProcesses_v3(handle)))
    return {**found, "processes": processes}


def _memory(handle: object) -> list[int]:
    """All of it, and what is taken. To an older driver, what it keeps for itself counts as taken."""
    import pynvml  # noqa: PLC0415 - loaded already

    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    except pynvml.NVMLError as error:
        if error.value in GONE:
            raise
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return [int(memory.total), int(memory.used)]


def _watch() -> None:
    """A line about every GPU for each line that comes; the last one, with a ``fault``, comes unasked."""
    if (fault := _begin()) is not None:
        _say(fault)
        return
    import pynvml  # noqa: PLC0415 - loaded already

    try:
        watched, xids, driver = _each(_Watched), _Xids(), _driver()
        for lines, asked in enumerate(sys.stdin):
            time.sleep(1 - (time.monotonic() + LEAD_S) % 1 if asked == "next\n" else 0)
            at, seldom = time.monotonic(), lines % SELDOM == 0
            gpus = [one.tell(seldom=seldom) if isinstance(one, _Watched) else one for one in watched]
            _say({"at": at, **driver, "gpus": gpus, **xids.tell()})
    except pynvml.NVMLError as error:
        _say(_fault(error))


class _Watched:
    """A GPU, or slice of one, in NVML's own units. What it does not have is None."""

    def __init__(self, index: int, name: str, handle: object) -> None:
        import pynvml  # noqa: PLC0415 - loaded already

        self._n = pynvml
        uuid = _or_none(lambda: str(pynvml.nvmlDeviceGetUUID(handle)))
        self._known: dict[str, object] = {"index": index, "name": name, "uuid": uuid}
        self._handle = handle
        self._usual_asks, self._seldom_asks = self._usual(), self._seldom_ones()

    def tell(self, *, seldom: bool) -> dict[str, object]:
        """What changes now; where ``seldom``, all of it, from the index on. A lost GPU says so, the others go on."""
        try:
            told = {**self._known, **self._ask(self._seldom_asks)} if seldom else {}
            return {**told, **self._ask(self._usual_asks)}
        except self._n.NVMLError as error:
            if error.value == UNINITIALIZED:
                raise
            return {**self._known, **_fault(error)}

    def _usual(self) -> dict[str, Callable[[], object]]:
        n, gpu = self._n, self._handle
        return {
            "memory": lambda: _memory(gpu),
            "use": self._use,
            "milliwatts": lambda: n.nvmlDeviceGetPowerUsage(gpu),
        }

    def _seldom_ones(self) -> dict[str, Callable[[], object]]:
        n, gpu = self._n, self._handle
        right, wrong = n.NVML_MEMORY_ERROR_TYPE_CORRECTED, n.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
        return {
            "most_milliwatts": lambda: n.nvmlDeviceGetEnforcedPowerLimit(gpu),
            "millijoules": lambda: n.nvmlDeviceGetTotalEnergyConsumption(gpu),
            "sm_mhz": lambda: n.nvmlDeviceGetClockInfo(gpu, n.NVML_CLOCK_SM),
            "slowdowns": lambda: n.nvmlDeviceGetCurrentClocksThrottleReasons(gpu),
            "memory_mhz": lambda: n.nvmlDeviceGetClockInfo(gpu, n.NVML_CLOCK_MEM),
            "celsius": lambda: n.nvmlDeviceGetTemperature(gpu, n.NVML_TEMPERATURE_GPU),
            "most_sm_mhz": lambda: n.nvmlDeviceGetMaxClockInfo(gpu, n.NVML_CLOCK_SM),
            "corrected": lambda: n.nvmlDeviceGetTotalEccErrors(gpu, right, n.NVML_VOLATILE_ECC),
            "uncorrected": lambda: n.nvmlDeviceGetTotalEccErrors(gpu, wrong, n.NVML_VOLATILE_ECC),
            "rows": lambda: list(n.nvmlDeviceGetRemappedRows(gpu)),
            "processes": lambda: len(n.nvmlDeviceGetComputeRunningProcesses_v3(gpu)),
        }

    def _use(self) -> list[int]:
        rates = self._n.nvmlDeviceGetUtilizationRates(self._handle)
        return [int(rates.gpu), int(rates.memory)]

    def _ask(self, asks: dict[str, Callable[[], object]]) -> dict[str, object]:
        """What is known now. What this GPU will never know is asked for no more."""
        told: dict[str, object] = {}
        for name, ask in list(asks.items()):
            try:
                told[name] = ask()
            except self._n.NVMLError as error:
                if error.value in GONE:
                    raise
                if error.value in NEVER:
                    del asks[name]
        return told


class _Xids:
    """The driver's own errors (Xid) of whole GPUs, since we began to listen."""

    def __init__(self) -> None:
        import pynvml  # noqa: PLC0415 - loaded already

        self._n = pynvml
        self._indexes: dict[int | None, int] = {}  # by the handle's address
        self._events: object = _or_none(pynvml.nvmlEventSetCreate)
        for index in range(int(pynvml.nvmlDeviceGetCount())) if self._events is not None else ():
            try:
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                pynvml.nvmlDeviceRegisterEvents(handle, pynvml.nvmlEventTypeXidCriticalError, self._events)
            except pynvml.NVMLError:
                continue
            self._indexes[_address(handle)] = index

    def tell(self) -> Mapping[str, object]:
        """Of which GPUs we hear, and the new [index, code]; none is waited for."""
        new: list[list[int]] = []
        while self._indexes and len(new) < MOST_EVENTS:
            try:
                event = self._n.nvmlEventSetWait_v2(self._events, 1)
            except self._n.NVMLError:  # nothing has come in a millisecond
                break
            new.append([self._indexes.get(_address(event.device), -1), int(event.eventData)])
        return {"heard": sorted(self._indexes.values()), "xids": new, "xids_at": time.monotonic()}


def _address(handle: object) -> int | None:
    return ctypes.cast(handle, ctypes.c_void_p).value  # type: ignore[arg-type]  # a pointer of pynvml's


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
