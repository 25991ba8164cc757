"""What this pod costs an hour: as told, as RunPod says of it, as RunPod lists its GPU. The first to know is believed.

An absent price is unknown and never 0. Not here: when to ask and how often (``run.pricing``), and what follows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pod_wire.errors import NotFound, PodError, Refused
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pod_wire.runpod.graphql import GpuPrice

    Way = tuple[str, Callable[[], float | None]]  # who says so, in words; PodError where nobody answers

TOLD = "POD_PRICE"
OF_POD = "RunPod, of this pod"
LISTED = "RunPod's list, for {count} x {name}"
DRIVER = "proc/driver/nvidia/gpus"
MOST_GPUS = 64
ENOUGH_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Price:
    """In dollars; ``source`` in words."""

    per_hour: float
    source: str


@dataclass(frozen=True, slots=True)
class Asked:
    """``is_final``: everybody has answered, and nobody knows it; asking again is of no use."""

    price: Price | None = None
    reason: str = ""
    is_final: bool = False


def ask(ways: Sequence[Way]) -> Asked:
    """Each in turn, until one knows."""
    reasons, is_final = [], True
    for who, look in ways:
        try:
            found = look()
        except (Refused, NotFound) as error:
            reasons.append(error.message)
        except PodError as error:
            is_final = False
            reasons.append(error.message)
        else:
            if found is not None and math.isfinite(found) and found > 0:
                return Asked(Price(found, who))
            reasons.append(f"{who}: no price")
    return Asked(None, "; ".join(dict.fromkeys(reasons)), is_final)


def nobody(reason: str) -> Way:
    """Where there is nobody to ask."""

    def look() -> float | None:
        raise NotFound(reason)

    return "", look


def listed(prices: Iterable[GpuPrice], names: Iterable[str], count: int) -> float | None:
    """For all GPUs of the pod, by the first name that is listed. Its cloud is unknown, so the dearer one counts."""
    known = list(prices)
    for name in names:
        for one in known:
            costs = [cost for cost in (one.secure, one.community) if cost]
            if _plain(name) in {_plain(one.id), _plain(one.name)} and costs:
                return max(costs) * max(1, count)
    return None


def _plain(name: str) -> str:
    words = name.lower().split()
    return " ".join(words[1:] if words[:1] == ["nvidia"] else words)


def driver_names(machine: Path) -> tuple[str, ...]:
    """The GPUs' names as the driver's own files have them, one for each; none where there are none."""
    found = []
    try:
        for place in sorted((machine / DRIVER).iterdir())[:MOST_GPUS]:
            with (place / "information").open("rb") as file:
                lines = file.read(ENOUGH_BYTES).decode("utf-8", "replace").splitlines()
            found += [
                value.strip() for key, _, value in (line.partition(":") for line in lines) if key == "Model"
            ]
    except OSError:
        return tuple(found)
    return tuple(found)
