"""What an earlier agent of this boot found, on the container's disk: a container that comes back resolves no name anew.

Not here: what is looked at every time because it changes (GPUs, room).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass
from pod_wire.routes import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

FILE = "preflight.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """A pod that was found fit in this boot, for this job; with what it was warned of."""

    boot: str
    job: str  # the spec's hash
    warnings: tuple[str, ...] = ()
    told: tuple[str, ...] = ()  # lines that stand in the log already
    format: int = FORMAT


def more(known: Kept, warnings: tuple[str, ...], told: tuple[str, ...]) -> Kept:
    """What is known with what was found now; nothing twice."""
    return replace(
        known,
        warnings=tuple(dict.fromkeys(known.warnings + warnings)),
        told=tuple(dict.fromkeys(known.told + told)),
    )


def read(disk: Path) -> Kept | None:
    """None for what is missing, torn, or of another podkeep."""
    try:
        return from_json(Kept, (disk / FILE).read_bytes())
    except (OSError, BadInput):
        return None


def write(disk: Path, kept: Kept) -> None:
    """OSError on a full disk: the next agent looks again."""
    scribe.replace(disk / FILE, to_json(kept) + b"\n")
