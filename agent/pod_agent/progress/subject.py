"""Whose progress is read: the job at hand, its run, its place, and what its pod costs. A value, made for each look.

Not here: who knows all this (``run``), and the reading.
"""

from __future__ import annotations

from dataclasses import field
from pathlib import Path  # noqa: TC003 - a value's field
from typing import TYPE_CHECKING

from pod_agent.progress.ledger import Spent
from pod_wire.frozen import dataclass

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
    price: float | None = None
    boot_s: float | None = None  # how long this boot has been billed
    spent: Spent = field(default_factory=Spent)  # by this run, over all boots and pods
    cap: float | None = None
