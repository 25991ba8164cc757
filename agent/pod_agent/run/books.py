"""A run's book of stays on disk: read from both places that may hold one, and what is said where it cannot be read.

Not here: what is in it (``progress.ledger``), and when it is written (``billing``).
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_agent.progress import ledger
from pod_agent.progress.ledger import Ledger
from pod_agent.run.bill import span
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput, PodError
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.folders import JobFolder

NEWER = "POD_MAX_COST={cap:g} cannot be kept: a newer podkeep wrote this run's bill"
UPDATE = "update podkeep in the image; or give the job another POD_JOB, and it counts anew"


@dataclass(frozen=True, slots=True)
class Read:
    """What was found. ``trouble``: why some of it is missing, in words."""

    book: Ledger = field(default_factory=Ledger)
    trouble: str = ""
    is_newer: bool = False
    is_silent: bool = False  # the workspace does not answer


def read(folder: JobFolder, name: str) -> Read:
    """Both copies as one; one that cannot be read hides nothing of the other."""
    try:
        documents = folder.read(name)
    except (OSError, PodError) as error:
        return Read(trouble=str(error), is_silent=True)
    book, trouble, is_newer = Ledger(), "", False
    for data in documents:
        try:
            book = ledger.merged(book, from_json(Ledger, data))
        except BadInput as error:
            trouble, is_newer = error.message, is_newer or "format is" in error.message
    return Read(book, trouble, is_newer)


def write(folder: JobFolder, name: str, book: Ledger) -> None:
    """Whole or not at all; raises OSError or PodError."""
    folder.replace(name, to_json(book) + b"\n")


def of_boot(path: Path, boot: str) -> Ledger:
    """What the container's disk knows of this boot, whatever the job; nothing where it cannot be read."""
    try:
        known = from_json(Ledger, path.read_bytes())
    except (OSError, BadInput):
        return Ledger()
    return Ledger(tuple(one for one in known.stays if one.boot == boot))


def keep_of_boot(path: Path, book: Ledger) -> None:
    """Raises OSError where the disk does not allow it."""
    scribe.make_folder(path.parent)
    scribe.replace(path, to_json(book) + b"\n")


def words(trouble: str, lost_s: float) -> str:
    """The warning for a person."""
    why = f" ({trouble})" if trouble else ""
    if not lost_s:
        return f"the bill of this run's earlier boots cannot be read{why}: what they cost is not counted"
    return (
        f"the bill of this run's earlier boots is missing{why}: {span(lost_s)} of its attempts are counted instead,"
        " and not the time around them"
    )
