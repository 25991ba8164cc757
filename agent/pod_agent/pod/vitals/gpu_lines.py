"""What ``nvml.py watch`` says, as values: NVML's units become base units, and what it did not say stays None.

Pure. Not here: the program's life (``gpu_watch``).
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING

from pod_agent.pod.vitals.sample import Gpu
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
MEGA, THOUSAND, HUNDRED = 1_000_000.0, 1_000, 100
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
    asked_at: float = 0.0  # the driver, on the clock that never jumps and that all processes share
    xids_at: float = 0.0  # when the last of them was told: a sick driver may take long for all else


def read(line: bytes, before: Sequence[Gpu] = ()) -> Line:
    """Whatever it is, it is no exception. ``before``: the GPUs of the last line; of them only what changes is said."""
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
    said = [one for one in _list(told.get("gpus")) if isinstance(one, dict)]
    return Line(
        gpus=_gpus(said, before, heard),
        driver=_text(told.get("driver")),
        heard=heard,
        xids=tuple((pair[0], pair[1]) for pair in pairs if len(pair) == len(("gpu", "code"))),
        asked_at=_moment(told.get("at")),
        xids_at=_moment(told.get("xids_at")),
    )


@lru_cache(maxsize=64)
def slowdowns(bits: int | None) -> tuple[str, ...] | None:
    """The reasons by name; unknown bits of a newer driver are left out."""
    return None if bits is None else tuple(name for bit, name in SLOWDOWNS.items() if bits & bit)


def _gpus(
    told: Sequence[Mapping[str, object]], before: Sequence[Gpu], heard: frozenset[int]
) -> tuple[Gpu, ...]:
    """All of each, or what changes of the one before that stood in its place."""
    pairs = zip_longest(told, before[: len(told)])
    return _numbered(
        tuple(_gpu(one, heard) if was is None or "index" in one else _now(was, one) for one, was in pairs)
    )


def _now(gpu: Gpu, told: Mapping[str, object]) -> Gpu:
    """Made whole rather than replaced, which takes twice as long: this is each GPU's, each second."""
    memory, use = _pair(told.get("memory")), _pair(told.get("use"))
    return Gpu(
        index=gpu.index,
        part=gpu.part,
        name=gpu.name,
        uuid=gpu.uuid,
        utilization=_part(use[0], HUNDRED),
        memory_utilization=_part(use[1], HUNDRED),
        memory_bytes=memory[0],
        memory_used_bytes=memory[1],
        power_watts=_part(_whole(told.get("milliwatts")), THOUSAND),
        power_limit_watts=gpu.power_limit_watts,
        energy_joules=gpu.energy_joules,
        sm_clock_hertz=gpu.sm_clock_hertz,
        sm_clock_most_hertz=gpu.sm_clock_most_hertz,
        memory_clock_hertz=gpu.memory_clock_hertz,
        temperature_celsius=gpu.temperature_celsius,
        slowdowns=gpu.slowdowns,
        ecc_corrected=gpu.ecc_corrected,
        ecc_uncorrected=gpu.ecc_uncorrected,
        is_row_remap_pending=gpu.is_row_remap_pending,
        is_row_remap_failed=gpu.is_row_remap_failed,
        processes=gpu.processes,
        xids=gpu.xids,
    )


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
    rows = _numbers(told.get("rows"))
    has_rows = len(rows) == WHOLE_ROWS
    seldom = Gpu(
        index=index,
        name=_text(told.get("name")) or "",
        uuid=_text(told.get("uuid")),
        power_limit_watts=_part(_whole(told.get("most_milliwatts")), THOUSAND),
        energy_joules=_part(_whole(told.get("millijoules")), THOUSAND),
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
    return seldom if seldom.fault is not None else _now(seldom, told)


def _pair(told: object) -> tuple[int | None, int | None]:
    numbers = _list(told)
    if len(numbers) == len(("all", "part")):
        first, second = numbers
        if isinstance(first, int) and isinstance(second, int):
            return first, second
    return None, None


def _numbers(told: object) -> list[int]:
    return [one for one in _list(told) if isinstance(one, int)]


def _list(told: object) -> list[object]:
    return told if isinstance(told, list) else []


def _times(value: int | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _part(value: int | None, of: int) -> float | None:
    """Divided, as the nearest float to 648.21 is 648210 / 1000 and not 648210 * 0.001."""
    return None if value is None else value / of


def _moment(value: object) -> float:
    return value if isinstance(value, float) else 0.0


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
