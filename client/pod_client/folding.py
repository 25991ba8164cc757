"""Progress bars folded on the screen: of a line rewritten with carriage returns, only its last state is shown.

Works on bytes with memory for one byte, so that a line without an end costs nothing. The log itself is never folded.
"""

from __future__ import annotations

from typing import Protocol

_CLEAR = b"\r\x1b[K"  # to the line's start, and wipe what a longer state left behind


class Fold(Protocol):
    """What stands between the log's bytes and stdout."""

    def feed(self, data: bytes) -> bytes:
        """What to show for these bytes."""

    def rest(self) -> bytes:
        """What was held back, at the end."""


class NoFold:
    """Bytes through untouched: not a terminal, or --raw."""

    def feed(self, data: bytes) -> bytes:
        return data

    def rest(self) -> bytes:
        return b""


class BarFold:
    """Folds what arrives together. A bar that moves slower than its pieces arrive is still seen moving."""

    def __init__(self) -> None:
        self._held = b""  # a carriage return at the end: of "\r\n", or of a rewrite? the next byte tells

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        self._held = b""
        if data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        return b"\n".join(map(_last_state, data.split(b"\n"))) if b"\r" in data else data

    def rest(self) -> bytes:
        held, self._held = self._held, b""
        return held


def _last_state(line: bytes) -> bytes:
    """What a line shows in the end. Carriage returns at its very end are part of its newline."""
    rewritten = line.rstrip(b"\r").rfind(b"\r")
    return line if rewritten < 0 else _CLEAR + line[rewritten + 1 :]


def fold_for(*, terminal: bool, raw: bool) -> Fold:
    return BarFold() if terminal and not raw else NoFold()
