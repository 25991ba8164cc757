"""The memory of the idle brake between two agents of one boot, in the run folder.

Its moments are monotonic: the boot's name guards them against another machine's. Not here: what is in it (``fold``).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_agent.pod.idle.memory import Memory, fresh
from pod_agent.pod.idle.signs import Name
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass
from pod_wire.routes import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

FILE = "idle-signs.json"
log = logging.getLogger("podkeep")


@dataclass(frozen=True, slots=True)
class Kept:
    """As it lies there."""

    boot: str
    memory: Memory
    format: int = FORMAT


def write(run_dir: Path, boot: str, memory: Memory) -> None:
    try:
        scribe.replace(run_dir / FILE, to_json(Kept(boot, memory)) + b"\n")
    except OSError as error:
        log.warning("idle=unwritten error=%r", str(error))


def read(run_dir: Path, boot: str, now: float) -> Memory | None:
    """What an earlier agent of this boot knew; None where there is nothing of it, or another kernel's."""
    try:
        memory = from_json(Kept, (run_dir / FILE).read_bytes())
    except (OSError, BadInput):
        return None
    known = memory.memory
    if memory.boot != boot or not known.since <= known.sampled_at <= now:
        return None
    tracks = {name: known.tracks[name] for name in Name if name in known.tracks}
    return replace(known, tracks=dict(fresh(known.sampled_at).tracks) | tracks)
