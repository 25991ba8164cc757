"""The training program: its entry, the files of the repository that it imports, and all it can be told.

Imports are followed by their names; nothing is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_client.init.flags import (
    argument_parser,
    definitions,
    fields,
    parameters,
    plain_text,
    settings_files,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pod_client.init.flags.flag import Flag
    from pod_client.init.repository import Repository
    from pod_client.init.source import Source

MOST_SETTINGS = 200
_ROOTS = ("", "src/", "lib/", "python/", "code/")


@dataclass(frozen=True, slots=True)
class Program:
    """``sources`` begins with the entry; the others are those it imports, nearest first."""

    sources: tuple[Source, ...]
    flags: tuple[Flag, ...]

    @property
    def entry(self) -> Source:
        return self.sources[0]

    def uses(self, *packages: str) -> bool:
        return any(source.uses(*packages) for source in self.sources)

    def mentions(self, *words: str) -> bool:
        return any(word in source.text for source in self.sources for word in words)


def program_of(entry: Source, repository: Repository) -> Program:
    sources = tuple(reachable(entry, repository))
    return Program(sources, tuple(_flags(sources, repository)))


def reachable(entry: Source, repository: Repository) -> Iterator[Source]:
    """The entry and what it imports from the repository, each once."""
    seen = {entry.name}
    todo = [entry]
    while todo:
        source = todo.pop(0)
        yield source
        for name in imported_files(source, repository):
            if name not in seen:
                seen.add(name)
                found = repository.source(name)
                if found is not None:
                    todo.append(found)


def imported_files(source: Source, repository: Repository) -> Iterator[str]:
    """The files of the repository that one program imports."""
    names = set(repository.names)
    folder = source.name.rpartition("/")[0]
    for module in source.imports():
        bare = module.lstrip(".")
        dots = len(module) - len(bare)
        path = bare.replace(".", "/")
        if dots:
            parts = folder.split("/") if folder else []
            up = parts[: len(parts) - dots + 1]
            roots: tuple[str, ...] = ("".join(f"{part}/" for part in up),)
        else:
            roots = (f"{folder}/" if folder else "", *_ROOTS)
        for root in roots:
            found = [name for name in (f"{root}{path}.py", f"{root}{path}/__init__.py") if name in names]
            if found:
                yield found[0]
                break


def _flags(sources: Sequence[Source], repository: Repository) -> Iterator[Flag]:
    for source in sources:
        yield from argument_parser.flags(source)
        yield from parameters.flags(source)
        yield from definitions.absl(source)
        yield from plain_text.flags(source)
    yield from definitions.overridden(sources[0])
    yield from fields.flags(sources)
    if settings_files.is_overridden(sources):
        settings = [name for name in repository.names if name.endswith((".yaml", ".yml"))]
        for name in settings[:MOST_SETTINGS]:
            yield from settings_files.flags(name, repository.text(name) or "")
