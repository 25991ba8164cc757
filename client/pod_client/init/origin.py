"""What an expression of a program may hold: flags, constants, calls. Values only; origins.py follows them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pod_client.init.flags.flag import Flag

_FILLED = re.compile(r"\{[^{}]*\}|%0?\d*[ds]")
_FILE = re.compile(r"[\w*\]]\.[A-Za-z][A-Za-z0-9]{1,11}$")


@dataclass(slots=True)
class Origins:
    """What an expression may hold. ``fields`` are attributes and keys that no flag is known for.

    ``joined``: something is put together on the way, as a folder and a file's name.
    """

    flags: list[Flag] = field(default_factory=list)
    constants: list[object] = field(default_factory=list)
    calls: set[str] = field(default_factory=set)
    fields: list[str] = field(default_factory=list)
    joined: bool = False

    @property
    def files(self) -> set[str]:
        """Names of files among the constants."""
        texts = [value for value in self.constants if isinstance(value, str)]
        names = {_FILLED.sub("*", text).rpartition("/")[2] for text in texts}
        return {name for name in names if _FILE.search(name)}
