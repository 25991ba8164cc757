"""What ``nvml.py watch`` says, as values: NVML's units become base units, and what it did not say stays None.

Pure. Not here: the program's life (``gpu_watch``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pod_agent.pod.vitals.sample import Gpu

if TYPE_CHECKING:
    from collections.abc import Mapping

SLOWDOWNS = {  # NVML's bits; those of an idle GPU and of the user's own settings are no slowdowns
    0x004: "power_cap",
    0x008: "hardware",
    0x010: "sync_boost",
    0x020: "software_thermal",
    0x040: "hardware_thermal",
    0x080: "power_brake",
    0x200: "board_limit",
    0x400: "reliability",
}
MEGA, MILLI, PERCENT = 1e6, 1e-3, 1e-2
WHOLE_ROWS = 4  # corrected, uncorrected, pending, failed


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the GPUs, whose Xids are heard, and which came; or a ``fault``, after which no line follows."""

    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    heard: frozenset[int] = frozenset()
    xids: tuple[tuple[int, int], ...] = ()  # (GPU, code), each once for each time
    fault: str | None = None
    words: str = ""


def read(line: bytes) -> Line:
    """Whatever it is, it is no exception."""
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return Line(fault="other", words="the driver's watcher does not speak clearly")
    if "fault" in told:
        return Line(fault=str(told["fault"]), words=_text(told.get("words")) or "")
    pairs = [_numbers(one) for one in _list(told.get("xids"))]
    heard = frozenset(_numbers(told.get("heard")))
    return Line(
        gpus=_numbered(tuple(_gpu(one, heard) for one in _list(told.get("gpus")) if isinstance(one, dict))),
        driver=_text(told.get("driver")),
        heard=heard,
        xids=tuple((pair[0], pair[1]) for pair in pairs if len(pair) == len(("gpu", "code"))),
    )


def slowdowns(bits: int | None) -> tuple[str, ...] | None:
    """The reasons by name; unknown bits of a newer driver are left out."""
    return None if bits is None else tuple(name for bit, name in SLOWDOWNS.items() if bits & bit)


def _numbered(gpus: tuple[Gpu, ...]) -> tuple[Gpu, ...]:
    """Slices of one GPU, which stand beside each other, by their order in it."""
    numbered: list[Gpu] = []
    for gpu in gpus:
        if (gpu.uuid or "").startswith("MIG-"):
            gpu = replace(gpu, part=sum(other.index == gpu.index for other in numbered))  # noqa: PLW2901
        numbered.append(gpu)
    return tuple(numbered)


def _gpu(told: Mapping[str, object], heard: frozenset[int]) -> Gpu:
    index = _whole(told.get("index")) or 0
    memory, use = _pair(told.get("memory")), _pair(told.get("use"))
    rows = _numbers(told.get("rows"))
    has_rows = len(rows) == WHOLE_ROWS
    return Gpu(
        index=index,
        name=_text(told.get("name")) or "",
        uuid=_text(told.get("uuid")),
        utilization=_times(use[0], PERCENT),
        memory_utilization=_times(use[1], PERCENT),
        memory_bytes=memory[0],
        memory_used_bytes=memory[1],
        power_watts=_times(_whole(told.get("milliwatts")), MILLI),
        power_limit_watts=_times(_whole(told.get("most_milliwatts")), MILLI),
        energy_joules=_times(_whole(told.get("millijoules")), MILLI),
        sm_clock_hertz=_times(_whole(told.get("sm_mhz")), MEGA),
        sm_clock_most_hertz=_times(_whole(told.get("most_sm_mhz")), MEGA),
        memory_clock_hertz=_times(_whole(told.get("memory_mhz")), MEGA),
        temperature_celsius=_times(_whole(told.get("celsius")), 1.0),
        slowdowns=slowdowns(_whole(told.get("slowdowns"))),
        ecc_corrected=_whole(told.get("corrected")),
        ecc_uncorrected=_whole(told.get("uncorrected")),
        is_row_remap_pending=bool(rows[2]) if has_rows else None,
        is_row_remap_failed=bool(rows[3]) if has_rows else None,
        processes=_whole(told.get("processes")),
        xids=() if index in heard else None,
        fault=_text(told.get("fault")),
        words=_text(told.get("words")) or "",
    )


def _pair(told: object) -> tuple[int | None, int | None]:
    numbers = _numbers(told)
    return (numbers[0], numbers[1]) if len(numbers) == len(("all", "part")) else (None, None)


def _numbers(told: object) -> list[int]:
    return [one for one in _list(told) if isinstance(one, int)]


def _list(told: object) -> list[object]:
    return told if isinstance(told, list) else []


def _times(value: int | None, factor: float) -> float | None:
    return None if value is None else round(value * factor, 6)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
