"""A repository as `init` sees it: its files, and the programs among them, each read at most once.

Not here: which of them is the training (entry.py), and how it resumes (resume/).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pod_client.init.git_place import GitPlace, git_place
from pod_client.init.listing import list_files
from pod_client.init.source import Source, parse_notebook
from pod_client.init.texts import LARGEST, LARGEST_NOTEBOOK, read_text

if TYPE_CHECKING:
    from pathlib import Path

MOST_PROGRAMS = 400
MOST_BYTES = 24 << 20


@dataclass(slots=True)
class Repository:
    """``trouble`` says what was not read, and why."""

    folder: Path
    git: GitPlace
    names: tuple[str, ...]
    trouble: list[str] = field(default_factory=list)
    _sources: dict[str, Source | None] = field(default_factory=dict)
    _read: int = 0

    def text(self, name: str) -> str | None:
        return read_text(os.path.join(self.folder, name))  # noqa: PTH118 - a name may be odd

    def source(self, name: str) -> Source | None:
        """A program by its name, read now or before; None for what cannot be read."""
        if name not in self._sources:
            self._sources[name] = self._parse(name)
        return self._sources[name]

    def programs(self) -> list[Source]:
        """Python files, nearest first."""
        wanted = [name for name in self.names if name.endswith(".py")]
        if len(wanted) > MOST_PROGRAMS:
            self.note(f"only the nearest {MOST_PROGRAMS} of {len(wanted)} Python files were read")
        return [found for name in wanted[:MOST_PROGRAMS] if (found := self.source(name)) is not None]

    def notebooks(self) -> list[Source]:
        wanted = [name for name in self.names if name.endswith(".ipynb")]
        return [found for name in wanted[:20] if (found := self.source(name)) is not None]

    def has(self, *names: str) -> str | None:
        """The first of these that is there."""
        return next((name for name in names if name in self.names), None)

    def _parse(self, name: str) -> Source | None:
        if self._read > MOST_BYTES:
            self.note(f"only {MOST_BYTES >> 20} MB of programs were read")
            return None
        is_notebook = name.endswith(".ipynb")
        limit = LARGEST_NOTEBOOK if is_notebook else LARGEST
        text = read_text(os.path.join(self.folder, name), limit)  # noqa: PTH118
        if text is None:
            self.note(f"{name} was not read: too large, no text, or no right to")
            return None
        self._read += len(text)
        if is_notebook:
            return parse_notebook(name, text)
        return Source(name, text)

    def note(self, words: str) -> None:
        if words not in self.trouble:
            self.trouble.append(words)


def open_repository(folder: Path) -> Repository:
    listing = list_files(str(folder))
    return Repository(folder, git_place(folder), listing.names, list(listing.trouble))
