"""One reading of a training's progress: what a line or a file said, where it was said, and when. Values only.

Not here: how it is read (one module for each form), nor what many of them add up to (``course``).
"""

from __future__ import annotations

import math
import re
from enum import StrEnum

from pod_wire.frozen import dataclass


class Source(StrEnum):
    """Where a reading comes from, the most trusted first. The text is what people are told."""

    ASKED = "POD_PROGRESS"
    JSON = "JSON in the log"
    LINE = "lines of the log"
    BAR = "progress bar"
    TRAINER = "trainer_state.json"
    TENSORBOARD = "TensorBoard's event file"
    CSV = "metrics.csv"


ORDER = {source: place for place, source in enumerate(Source)}
LARGEST = 10**15
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,20})?|\.\d{1,20})(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)
_ODD = {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf, "infinity": math.inf}


@dataclass(frozen=True, slots=True)
class Reading:
    """``per_epoch``: the step and its total are counted anew in each epoch. ``rank``: among those of one source."""

    source: Source
    step: int | None = None
    total: int | None = None
    epoch: float | None = None
    epochs: float | None = None
    loss: float | None = None  # may be NaN: that is news too
    scalars: tuple[tuple[str, float], ...] = ()
    per_epoch: bool = False
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Began:
    """The log's line that begins an attempt."""

    attempt: int
    run: str


def number(value: object) -> float | None:
    """A number, also as text; None for anything else. NaN and infinity are numbers here."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return float(value) if abs(value) < LARGEST else None
    if isinstance(value, float):
        return value
    if not isinstance(value, str) or len(value) > 40:  # noqa: PLR2004 - no number is longer
        return None
    text = value.strip().replace(",", "")
    if text.lower() in _ODD:
        return _ODD[text.lower()]
    return float(text) if _NUMBER.match(text) else None


def count(value: object) -> int | None:
    """A whole number from 0; None for anything else."""
    found = number(value)
    if found is None or not math.isfinite(found) or found != int(found) or not 0 <= found < LARGEST:
        return None
    return int(found)


def positive(value: object) -> float | None:
    """A finite number from 0."""
    found = number(value)
    return found if found is not None and math.isfinite(found) and found >= 0 else None
