"""That a stop is under way, on the container's disk: an agent that is killed amid the ladder leaves it to the next one.

It belongs to one boot, so that it never stops a later one, and is gone once a job goes on in that boot. It tells the
round, so that a route which kills agents is not the first for ever. Not here: the ladder (``stop``), and what a job's
own record tells (``run.state``).
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from pod_agent.pod import moment, scribe
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass
from pod_wire.routes import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.pod.moment import Moment

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
    mono: float | None = None  # the same moment on the clock that never jumps
    kernel: str = ""  # whose clock that is
    format: int = FORMAT


def begun(boot: str, because: str, now: Moment, *, terminate: bool = False, rounds: int = 0) -> Stopping:
    """As it is written at a round that begins now."""
    return Stopping(boot, because, terminate, rounds, now.wall, now.mono, now.kernel)


def read(disk_dir: Path, boot: str | None, now: Moment) -> Stopping | None:
    """The stop that is under way in this boot; None where none is, or it cannot be read.

    An old one is not believed: a disk that outlived a stop, unseen, would end each new boot at once. A wall clock that
    was set makes none old.
    """
    try:
        found = from_json(Stopping, (disk_dir / FILE).read_bytes())
    except (OSError, BadInput):
        return None
    age_s = now.mono - moment.of_wall(found.at, found.mono, found.kernel, now)
    return found if found.boot == boot and abs(age_s) < OLD_S else None


def write(disk_dir: Path, stopping: Stopping) -> None:
    """On a full disk the ladder is climbed all the same; the job's record tells most of it."""
    try:
        scribe.make_folder(disk_dir)
        scribe.replace(disk_dir / FILE, to_json(stopping) + b"\n")
    except OSError as error:
        log.warning("stopping=unwritten error=%r", str(error))


def forget(disk_dir: Path) -> None:
    """A job goes on in this boot after all: nobody may stop the pod for the sake of this mark any more."""
    try:
        (disk_dir / FILE).unlink()
        folder = os.open(disk_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # a host that loses power must not bring it back
        finally:
            os.close(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        log.warning("stopping=kept error=%r", str(error))
