"""Flags of a file that Python 3 cannot parse, such as Python 2's: found by their text, with less certainty."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_client.init.flags.flag import Flag, Takes
from pod_client.init.source import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.source import Source

_ADDED = re.compile(r"\badd_(?:argument|option)\(((?:[^()]|\([^()]*\)){0,600})")
_LONG = re.compile(r"""['"](--[A-Za-z][\w-]*)['"]""")


def flags(source: Source) -> Iterator[Flag]:
    for found in _ADDED.finditer(source.text) if source.tree is None else ():
        name = _LONG.search(found[1])
        if name is None:
            continue
        takes = (
            Takes.SWITCH if "store_true" in found[1] else Takes.NUMBER if _number(found[1]) else Takes.TEXT
        )
        place = Place(source.name, source.text.count("\n", 0, found.start()) + 1)
        yield Flag(name[1], name[1].lstrip("-").replace("-", "_"), place, takes)


def _number(written: str) -> bool:
    return re.search(r"\btype\s*=\s*['\"]?(?:int|float)\b", written) is not None
