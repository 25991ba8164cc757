"""That a stop is under way, on the container's disk: an agent that is killed amid the ladder leaves it to the next one.

It belongs to one boot, so that it never stops a later one, and tells the round, so that a route which kills agents is
not the first for ever. Not here: the ladder (``stop``), and what a job's own record tells (``run.state``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.routes import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

FILE = "stopping.json"
OLD_S = 3600.0
log = logging.getLogger("podkeep")


@dataclass(frozen=True, slots=True)
class Stopping:
    """What was decided, and how often the ladder has been climbed."""

    boot: str
    because: str
    terminate: bool = False
    rounds: int = 0
    at: float = 0.0  # when it was written last: at each round, so once in two minutes or so
    format: int = FORMAT


def read(disk_dir: Path, boot: str | None, now: float) -> Stopping | None:
    """The stop that is under way in this boot; None where none is, or it cannot be read.

    An old one is not believed: a disk that outlived a stop, unseen, would end each new boot at once.
    """
    try:
        found = from_json(Stopping, (disk_dir / FILE).read_bytes())
    except (OSError, BadInput):
        return None
    return found if found.boot == boot and abs(now - found.at) < OLD_S else None


def write(disk_dir: Path, stopping: Stopping) -> None:
    """On a full disk the ladder is climbed all the same; the job's record tells most of it."""
    try:
        scribe.make_folder(disk_dir)
        scribe.replace(disk_dir / FILE, to_json(stopping) + b"\n")
    except OSError as error:
        log.warning("stopping=unwritten error=%r", str(error))
