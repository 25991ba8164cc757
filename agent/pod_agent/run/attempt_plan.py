"""What the agent decides about an attempt before it starts, and what it learns when it has ended. Values only."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the keeper waits before it takes the next, harder step; seconds."""

    grace_s: float = 30.0  # cancelled: from POD_SIGNAL to KILL
    hurry_s: float = 2.0  # the pod is going: the same
    leftover_s: float = 10.0  # what the command left behind: from TERM to KILL
    full_s: float = 300.0  # the disk takes nothing: until the attempt is ended


USUAL = Patience()
LAST_LOOK_S = 30.0  # at the checkpoints of an attempt that is over, before its end is told


@dataclass(frozen=True, slots=True)
class AttemptPlan:
    """One execution of the command, all decided. ``env`` and ``command`` reach the keeper by a pipe only."""

    number: int
    run: str
    folder: Path  # <run_dir>/<job>/<run>-<number>
    log: Path
    command: str
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    signal: str  # POD_SIGNAL: TERM, INT, USR1, …
    ballast: Path
    header: bytes  # goes into the log first, as it is; ends in a newline
    patience: Patience = Patience()


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended. ``reason``: exited, signalled, oom, disk_full, spawn_failed, unknown.

    ``exit_code`` is the shell's: 128 + n for signal n; None when nobody knows. ``signal`` is set also when a
    shell reports its command's death by a signal (137 is KILL). ``taken``: its pod was going, and it was hurried.
    """

    exit_code: int | None
    signal: str | None
    reason: str
    cancelled: bool
    output_bytes: int
    ended_at: float
    unwritten_bytes: int = 0  # output that a full disk did not take
    detail: str = ""  # in words: what failed
    taken: bool = False
