r"""The log's bytes as lines a person would see: ended by \\n or \\r, without colours, of bounded length and number.

Not here: what a line says. A bar that has no end yet is its own line too: the next one comes perhaps in an hour.
"""

from __future__ import annotations

import re

from pod_wire.frozen import dataclass

LONGEST = 4096  # of a line, in bytes: what follows is not looked at
MOST = 400  # lines of one feed: the newest
_ENDS = re.compile(rb"[\r\n]+")
_CODES = re.compile(rb"\x1b\[[0-9;?]{0,16}[A-Za-z]|\x1b[=>()][0-9A-B]?|[\x00-\x08\x0b-\x1f\x7f]")
_UP = b"\x1b[A"  # what tqdm writes after a bar below the first one


@dataclass(frozen=True, slots=True)
class Line:
    """``nested``: it was drawn below another bar."""

    text: str
    nested: bool = False


class Lines:
    """Fed with what the log has grown by; keeps the line that has no end yet."""

    def __init__(self) -> None:
        self._rest = b""
        self.held = 0  # bytes of it, also of those that are beyond what is looked at

    def feed(self, data: bytes) -> list[Line]:
        """The lines that ended, at most so many, the newest."""
        parts = _ENDS.split(self._rest + data)
        last = parts.pop()
        self.held = len(last) if parts else self.held + len(data)
        self._rest = last[:LONGEST]
        return [line for part in parts[-MOST:] if (line := _line(part)).text]

    def open(self) -> Line:
        """The line that has no end yet."""
        return _line(self._rest)

    def cut(self) -> None:
        """What comes next does not belong to what was before."""
        self._rest, self.held = b"", 0


def whole(data: bytes) -> bytes:
    """Without the line that these bytes begin amid."""
    end = _ENDS.search(data)
    return b"" if end is None else data[end.end() :]


def _line(raw: bytes) -> Line:
    text = _CODES.sub(b"", raw[:LONGEST]).decode("utf-8", "replace").rstrip()
    return Line(text, nested=_UP in raw)
