"""A course on disk, so that a new agent, or the next pod, goes on where the last one was.

What cannot be read is begun anew: it costs the curve, never the training. Not here: when it is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pod_agent.progress.course import Course
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

FILE = "progress.json"
LARGEST = 1 << 20
Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A course, and up to which byte of which log it was read."""

    course: Course = field(default_factory=Course)
    log: str = ""
    offset: int = 0
    format: int = 1


def load(state: Path) -> Bookmark:
    return _load(Bookmark, state / FILE) or Bookmark()


def save(state: Path, mark: Bookmark) -> None:
    """Raises OSError where the disk does not allow it."""
    _save(state / FILE, mark)


def _load(kind: type[Kept], path: Path) -> Kept | None:
    try:
        with path.open("rb") as file:
            return from_json(kind, file.read(LARGEST))
    except (OSError, BadInput):
        return None


def _save(path: Path, value: object) -> None:
    draft = path.with_suffix(".new")
    draft.write_bytes(to_json(value) + b"\n")
    draft.replace(path)
