"""Flags that are keys of YAML settings: hydra's and OmegaConf's ``name=value`` on the command line.

The files are read as lines with indentation, no more: a key, and the keys above it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_client.init.flags.flag import Flag, Style, Takes
from pod_client.init.source import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pod_client.init.source import Source

LONGEST = 500  # of a line that may be a setting
_LINE = re.compile(r"^( *)([A-Za-z_][\w-]*):(?:\s+(.*?))?\s*$")
_ROOTS = {"conf", "config", "configs", "cfg", "cfgs", "hydra_conf", "settings"}
_NOT_KEYS = {"defaults", "hydra"}


def is_overridden(sources: Sequence[Source]) -> bool:
    """Whether the program's settings are told as ``name=value``."""
    return any("hydra.main" in source.text or "OmegaConf.from_cli" in source.text for source in sources)


def flags(name: str, text: str) -> Iterator[Flag]:
    """Every key of one YAML file that has a value, by its whole path."""
    above: list[tuple[int, str]] = []
    prefix = [] if re.search(r"^#\s*@package\s+_global_", text, re.MULTILINE) else _group(name)
    for number, line in enumerate(text.split("\n"), 1):
        found = _LINE.match(line) if len(line) <= LONGEST else None
        if found is None:
            continue
        depth, key, value = len(found[1]), found[2], (found[3] or "").partition(" #")[0].strip()
        while above and above[-1][0] >= depth:
            above.pop()
        path = [*prefix, *(word for _, word in above), key]
        above.append((depth, key))
        if path[0] not in _NOT_KEYS and (value or found[3] is None):
            yield Flag(".".join(path), key, Place(name, number), _takes(value), Style.OVERRIDE, default=value)


def _group(name: str) -> list[str]:
    """Hydra's package of a file: the folders between the settings' folder and it."""
    folders = name.split("/")[:-1]
    roots = [place for place, folder in enumerate(folders) if folder in _ROOTS]
    return folders[roots[0] + 1 :] if roots else []


def _takes(value: str) -> Takes:
    if value.lower() in {"true", "false", "yes", "no"}:
        return Takes.TRUTH
    return (
        Takes.NUMBER if re.fullmatch(r"[-+]?[\d.][\d._]*(?:e[-+]?\d+)?", value, re.IGNORECASE) else Takes.TEXT
    )
