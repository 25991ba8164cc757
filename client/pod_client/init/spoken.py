"""Commands that the repository's own words name: lines of code in its README, entries in its pyproject.toml."""

from __future__ import annotations

import re
import shlex
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.repository import Repository

LONGEST = 600
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_RUNS = re.compile(
    r"^(?:[A-Z_][A-Z0-9_]*=\S+\s+)*(?:(?:uv|poetry|pdm|pixi|hatch)\s+run\s+)?(?:python3?|torchrun|accelerate\s+launch|"
    r"deepspeed|make)\s"
)
_UNCLEAR = re.compile(r"<[^>]+>|\.\.\.|…|[{}]|/path/to|/your|your_|YOUR_|XXX|\[[^\]]*\]|&&|\||;|>")
_FILE = re.compile(r"[\w./-]+\.py\b")
_MODULE = re.compile(r"\s-m\s+([\w.]+)")


def readme_commands(repository: Repository) -> list[str]:
    """Lines of the README's code that run something here, in its order; also those with a place to fill in."""
    name = repository.has("README.md", "README.rst", "README.txt", "README", "readme.md", "Readme.md")
    text = repository.text(name) if name is not None else None
    if text is None:
        return []
    found: list[str] = []
    for line in _code_lines(text):
        bare = re.sub(r"^(?:\$|>|#)\s+", "", line[: 2 * LONGEST].strip())
        bare = re.sub(r"\s+#\s.*$", "", bare)
        if len(bare) <= LONGEST and _RUNS.match(bare):
            found.append(" ".join(bare.split()))
    return list(dict.fromkeys(found))


def is_usable(command: str) -> bool:
    """Whether it can be run as it stands: nothing to fill in, no second command, no open quote."""
    return not _UNCLEAR.search(command) and _is_closed(command)


def runs_file(command: str, name: str) -> bool:
    """Whether a command runs this file, by its path or as a module."""
    files = [word.removeprefix("./") for word in _FILE.findall(command)]
    module = _MODULE.search(command)
    dotted = name.removesuffix("/__main__.py").removesuffix(".py").replace("/", ".")
    return name in files or (module is not None and module[1] in {dotted, dotted.removeprefix("src.")})


def scripts(repository: Repository) -> dict[str, str]:
    """Commands that installing the project makes, and the ``module:function`` they run."""
    text = repository.text("pyproject.toml") if repository.has("pyproject.toml") else None
    try:
        document = tomllib.loads(text or "")
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    tables = [document.get("project", {}), *_poetry(document)]
    found: dict[str, str] = {}
    for table in tables:
        listed = table.get("scripts", {}) if isinstance(table, dict) else {}
        if isinstance(listed, dict):
            found |= {name: target for name, target in listed.items() if isinstance(target, str)}
    return found


def _poetry(document: dict[str, object]) -> Iterator[object]:
    tool = document.get("tool", {})
    if isinstance(tool, dict):
        yield tool.get("poetry", {})


def _code_lines(text: str) -> Iterator[str]:
    """What stands in fences or is indented, with continued lines joined."""
    inside = False
    for line in re.sub(r"\\\n\s*", " ", text).split("\n"):
        if _FENCE.match(line):
            inside = not inside
        elif inside or line.startswith(("    ", "\t", "$ ")):
            yield line


def _is_closed(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True
