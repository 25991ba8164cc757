"""The silence that an earlier agent of this boot has counted, in the run folder: one that comes back goes on with it.

Only where nothing has changed since; a look of the new agent compares. The time in between is not counted, since
nobody looked. Moments are monotonic, and the boot's name guards them against another machine's.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_agent.pod.stall.fold import Memory  # noqa: TC001 - the codec reads it
from pod_agent.pod.stall.raw import Raw  # noqa: TC001 - the same
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass
from pod_wire.routes import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

FILE = "stall.json"
log = logging.getLogger("podkeep")


@dataclass(frozen=True, slots=True)
class Kept:
    """As it lies there."""

    boot: str
    memory: Memory
    raw: Raw
    format: int = FORMAT


def write(run_dir: Path, kept: Kept) -> None:
    try:
        scribe.replace(run_dir / FILE, to_json(kept) + b"\n")
    except OSError as error:
        log.warning("stall=unwritten error=%r", str(error))


def read(run_dir: Path, boot: str, attempt: str, now: float) -> Kept | None:
    """What was known of this attempt; None where there is nothing of it, or another kernel's."""
    try:
        known = from_json(Kept, (run_dir / FILE).read_bytes())
    except (OSError, BadInput):
        return None
    is_ours = known.boot == boot and known.memory.attempt == attempt and known.raw.at <= now
    return known if is_ours else None
