"""Whose progress is read: the job at hand, its run, its place, and what its pod costs. A value, made for each look.

Not here: who knows all this (``run``), and the reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a value's field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Subject:
    """``state`` is the job's own folder; ``folder`` where its command runs. Times are seconds since the epoch."""

    job: str
    run: str
    run_began_at: float
    state: Path
    folder: Path
    is_running: bool
    asked: str | None = None
    env: Mapping[str, str] | None = None
    pod: str = ""
    boot: str | None = None
    booted_at: float | None = None
    price: float | None = None
    gpu: str | None = None
    cap: float | None = None
