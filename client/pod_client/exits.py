"""What the command's exit code says; client/README.md tells the same to people."""

from __future__ import annotations

from typing import Final

from pod_wire.errors import BadInput, NoCapacity, PodError, Unfunded
from pod_wire.status import Outcome

DONE: Final = 0
JOB_FAILED: Final = 1
USAGE: Final = 2
UNREACHED: Final = 3
NOTHING_AVAILABLE: Final = 4
DETACHED: Final = 130


def by_outcome(outcome: Outcome) -> int:
    return DONE if outcome is Outcome.SUCCEEDED else JOB_FAILED


def by_error(error: PodError) -> int:
    match error:
        case BadInput():
            return USAGE
        case NoCapacity() | Unfunded():
            return NOTHING_AVAILABLE
        case _:
            return UNREACHED
