"""The books of a job as they lie in its folder: the journal's end, the stays, the course. What cannot be read is said.

Takes as long as the workspace does; bounding that is the caller's. Nothing is written here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from pod_agent.progress import kept, ledger
from pod_agent.run import books as stays
from pod_agent.run.journal import FILE
from pod_agent.run.receipt.account import Books
from pod_wire.events import read_entries

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.progress.course import Course
    from pod_agent.run.folders import JobFolder
    from pod_wire.events import Entry

MOST_BYTES = 1 << 20
NO_BOOKS = "the workspace does not answer: what earlier boots did is not in this"
CUT = "the journal is long: what is older than its last megabyte is not in this"


class Reader(Protocol):
    """What follows the training's progress."""

    def catch_up(self, limit_s: float) -> bool: ...

    def course(self, run: str) -> Course | None: ...


def books(folder: JobFolder, run: str, reader: Reader | None) -> Books:
    """What the reader of progress knows goes before what it last wrote."""
    entries, unknown = _journal(folder.path / FILE)
    found = stays.read(folder, ledger.FILE)
    if found.trouble:
        unknown = (*unknown, f"the bill of earlier boots cannot be read ({found.trouble})")
    course = reader.course(run) if reader is not None else None
    course = course or kept.load(folder.path).course
    return Books(entries, found.book, course, unknown, is_cut=CUT in unknown)


def from_memory(run: str, reader: Reader | None) -> Books:
    """Where the disk does not answer: what the reader of progress has in its hands."""
    return Books((), ledger.Ledger(), reader.course(run) if reader is not None else None, (NO_BOOKS,))


def _journal(path: Path) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - MOST_BYTES))
            data = file.read(MOST_BYTES)
    except FileNotFoundError:
        return (), ()
    except OSError as error:
        return (), (f"the journal cannot be read ({error.strerror}): earlier boots are not in this",)
    return read_entries(data), (CUT,) if size > MOST_BYTES else ()
