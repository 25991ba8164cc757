"""Reading a command as bash would, just far enough to know what is quoted. Nothing is run or rewritten here."""

from __future__ import annotations

from typing import Final

from pod_wire.frozen import dataclass

_BREAKS: Final = "|;&#\n"


@dataclass(frozen=True, slots=True)
class Shape:
    """``breaks``: an unquoted character after which the end of the text is not the end of the command.

    ``is_closed``: no quote is open and no backslash hangs at the end, so that words may be added there.
    """

    breaks: bool
    is_closed: bool


def shape(command: str) -> Shape:
    """What the quoting of ``command`` says about adding words at its end."""
    breaks = False
    i, length = 0, len(command)
    while i < length:
        char = command[i]
        if char == "\\":
            i += 2
            continue
        if char in "'\"":
            raw = char == "'" and not (i and command[i - 1] == "$")
            end = _closing(command, i + 1, char, raw=raw)
            if end < 0:
                return Shape(breaks, is_closed=False)
            i = end
        elif char in _BREAKS:
            breaks = True
        i += 1
    return Shape(breaks, is_closed=i == length)


def _closing(command: str, start: int, quote: str, *, raw: bool) -> int:
    """Where the quote opened before ``start`` closes, or -1; a backslash escapes unless ``raw``."""
    i = start
    while i < len(command):
        if command[i] == "\\" and not raw:
            i += 2
            continue
        if command[i] == quote:
            return i
        i += 1
    return -1
