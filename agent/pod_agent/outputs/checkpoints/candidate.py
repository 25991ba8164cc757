"""What may be a checkpoint, and what was found out about it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Form(StrEnum):
    """How a checkpoint lies on the disk."""

    TRAINER = "trainer"  # a folder as Hugging Face's Trainer writes it
    FILE = "file"  # a single file


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a checkpoint as it was at one look; two equal looks mean that nobody wrote in between."""

    name: str  # relative to the checkpoint
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file or folder that may be a checkpoint. ``is_sure`` is false where only its content can tell."""

    path: Path
    form: Form
    parts: tuple[Part, ...]
    step: int | None = None  # as its name says
    is_sure: bool = True

    @property
    def size_bytes(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def mtime(self) -> float:
        return max((part.mtime_ns for part in self.parts), default=0) / 1e9


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether it is whole, why not, and the step written in it. ``is_ours`` is false for what is no checkpoint."""

    whole: bool
    why: str = ""
    step: int | None = None
    is_ours: bool = True


class NotWhole(Exception):
    """Something is missing; the text says what."""


class NotACheckpoint(Exception):
    """It is something else, or of a kind that nobody here can read."""
