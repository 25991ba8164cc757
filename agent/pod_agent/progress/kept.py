"""A course on disk, so that a new agent, or the next pod, goes on where the last one was.

What cannot be read is begun anew: it costs the curve, never the training. Not here: when it is written.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

from pod_agent.progress.course import Course
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass

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
    path = state / FILE
    draft = path.with_suffix(".new")
    try:
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb"
        ) as file:
            file.write(to_json(mark) + b"\n")
            file.flush()
            os.fsync(file.fileno())  # a host without power must not leave the name with nothing in it
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def _load(kind: type[Kept], path: Path) -> Kept | None:
    try:
        with path.open("rb") as file:
            return from_json(kind, file.read(LARGEST))
    except (OSError, BadInput):
        return None
