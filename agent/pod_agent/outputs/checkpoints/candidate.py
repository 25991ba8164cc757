"""What may be a checkpoint, and what was found out about it. Values only, and what a format has to answer."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder as a listing shows it, nothing opened. A file has no names in it."""

    name: str
    is_folder: bool = False
    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    is_meant: bool = True  # false where the user's glob names only a file in it


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a checkpoint as it was at one look; two equal looks mean that nobody wrote in between."""

    name: str  # relative to the checkpoint
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What earlier looks know: the sizes it had when it was whole, and the kinds of files in the one before it."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()  # names with ``#`` for every number
    changed: frozenset[str] = frozenset()  # files written again since it was seen whole
    wants_step: bool = True


class Format(Protocol):
    """One way in which checkpoints lie on the disk."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def endings(self) -> tuple[str, ...]:
        """How the names of its files end; what git tracks is looked up for these only."""

    def claims(self, entry: Entry) -> bool:
        """Whether it is one of these, by its name and what is listed in it. Opens nothing."""

    def check(self, found: Candidate, seen: Seen) -> int | None:
        """The step written in a whole one, if any. Raises NotWhole, Unproved or NotACheckpoint."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file or folder that may be a checkpoint. ``is_sure`` is false where only its content can tell."""

    path: Path
    format: Format = field(compare=False)
    parts: tuple[Part, ...]
    step: int | None = None  # as its name says
    is_sure: bool = True
    is_file: bool = True

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
    is_final: bool = True  # false where more time, and no more writing, may prove it


class NotWhole(Exception):
    """Something is missing; the text says what."""


class NotACheckpoint(Exception):
    """It is something else, or of a kind that nobody here can read."""


class Unproved(Exception):
    """Nothing in it is wrong, and nothing in it says that it is complete. Rest, or an earlier look, may prove it."""

    def __init__(self, why: str, step: int | None = None, rest_s: float = 5.0) -> None:
        super().__init__(why)
        self.step = step
        self.rest_s = rest_s


class EndsInZeros(Unproved):
    """Zeros at the end may be numbers, or what a crash left of them. Without a crash, they are numbers."""

    def __init__(self, step: int | None = None) -> None:
        super().__init__("it ends in zeros, as a file does whose end was lost in a crash", step, rest_s=0.0)
