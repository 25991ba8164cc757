"""Which attempt is looked at, and where everything of it lies. A value, made for each look.

Not here: who knows all this (``run.stalling``).
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - a value's field

from pod_wire.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """``place`` is the attempt's own folder under /run; ``folder`` where its command runs."""

    attempt: str  # run and number
    number: int
    pid: int  # of the training
    keeper: int  # its parent; 0: there is none just now
    place: Path
    log: Path
    folder: Path
    minutes: float
    step: str | None = None  # a mark of how far it has come; None: nothing tells
    is_stalled: bool = False  # decided already, and still to be told
    earlier: str | None = None  # an earlier stall of the run, in words
