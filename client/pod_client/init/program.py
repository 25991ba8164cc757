"""The training program: its entry, the files of the repository that it imports, and all it can be told.

Imports are followed by their names; nothing is imported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pod_client.init.flags import (
    argument_parser,
    definitions,
    fields,
    notebook,
    parameters,
    plain_text,
    settings_files,
)
from pod_client.init.source import called

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator, Sequence

    from pod_client.init.flags.flag import Flag
    from pod_client.init.origin import Origins
    from pod_client.init.repository import Repository
    from pod_client.init.source import Source

MOST_SETTINGS = 200
_ROOTS = ("", "src/", "lib/", "python/", "code/")


@dataclass(slots=True)
class Program:
    """``sources`` begins with the entry; the others are those it imports, nearest first."""

    sources: tuple[Source, ...]
    flags: tuple[Flag, ...]
    saved: list[Origins] | None = None  # where it saves to, when somebody has looked

    by_name: dict[str, list[tuple[Source, ast.Call]]] = field(default_factory=dict)

    @property
    def entry(self) -> Source:
        return self.sources[0]

    def calls_of(self, name: str) -> list[tuple[Source, ast.Call]]:
        """Every call of a function of this name, whatever it is called on."""
        if not self.by_name:
            for source in self.sources:
                for call in source.calls:
                    self.by_name.setdefault(called(call).rpartition(".")[2], []).append((source, call))
        return self.by_name.get(name, [])

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
        if source.tree is None:
            repository.note(f"{source.name} is not Python 3 that could be parsed; it was looked at as text")


def imported_files(source: Source, repository: Repository) -> Iterator[str]:
    """The files of the repository that one program imports."""
    names = set(repository.names)
    folder = source.name.rpartition("/")[0]
    for module in source.imports:
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
    if sources[0].name.endswith(".ipynb"):
        yield from notebook.flags(sources[0])  # a kernel has no command line
        return
    for source in sources:
        yield from argument_parser.flags(source)
        yield from argument_parser.made_of_names(source, sources[0])
        yield from parameters.flags(source)
        yield from definitions.absl(source)
        yield from plain_text.flags(source)
    yield from definitions.overridden(sources[0])
    yield from fields.flags(sources)
    if settings_files.is_overridden(sources):
        settings = [name for name in repository.names if name.endswith((".yaml", ".yml"))]
        chosen = sources[0].text
        settings.sort(key=lambda name: f'"{_stem(name)}' not in chosen)  # config_name="train" comes first
        for name in settings[:MOST_SETTINGS]:
            yield from settings_files.flags(name, repository.text(name) or "")


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]
