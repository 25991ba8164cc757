"""MessagePack, as flax writes it: every value says its length, so the last byte is known by walking over them."""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import NotWhole, Unproved
from pod_agent.outputs.checkpoints.pickles import STEPS
from pod_agent.outputs.checkpoints.reading import check_tail, opened

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_BARE = re.compile(r"^checkpoint_\d+$")  # flax gives its files no ending
_MOST_VALUES = 500_000
_LONGEST = 32  # bytes of a head and of what is wanted behind it
_LOOK = 512
_NEVER = 0xC1  # stands for nothing
_LENGTHS = {
    0xC4: 1,
    0xC5: 2,
    0xC6: 4,
    0xC7: 1,
    0xC8: 2,
    0xC9: 4,
    0xD9: 1,
    0xDA: 2,
    0xDB: 4,
}  # bytes, extras, texts
_EXTRAS = {0xC7, 0xC8, 0xC9}
_COUNTS = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}  # lists and maps
_FIXED = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2,
          0xD2: 4, 0xD3: 8, 0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}  # fmt: skip
_INTEGERS = {0xCC: "B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: "b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}


class MsgpackFile:
    name = "MessagePack (flax)"
    endings = (".msgpack",)

    def claims(self, entry: Entry) -> bool:
        return not entry.is_folder and (
            entry.name.endswith(self.endings) or _BARE.match(entry.name) is not None
        )

    def check(self, found: Candidate, seen: Seen) -> int | None:
        size = found.size_bytes
        with opened(found) as file:
            step = _walk(file.fileno(), size)
            check_tail(file, size, min(size, 4096), seen, step)
        return step


def _walk(fd: int, size: int) -> int | None:
    """Over every value to the end. Gives the step named in the outermost map."""
    steps: dict[str, int] = {}
    left = 1  # values still to come in this list or map,
    outer: list[int] = []  # and in those around it
    name = ""
    data, begin, seen = b"", 0, -1
    at = 0
    for _ in range(_MOST_VALUES):
        while not left and outer:
            left = outer.pop()
        if not left:
            break
        left -= 1
        if at > seen:  # a small look: behind an array the next one is far away
            data, begin = os.pread(fd, _LOOK, at), at
            seen = at + len(data) - _LONGEST
        value, length, more = _value(data, at - begin)
        at += length
        if len(outer) == 1:  # in the outermost map
            if left % 2:
                name = value if isinstance(value, str) else ""
            elif isinstance(value, int) and name in STEPS:
                steps[name] = value
        if more:
            outer.append(left)
            left = more
    else:
        raise Unproved("it holds more than podkeep follows")
    if at != size:
        raise NotWhole("it is cut off" if at > size else "something stands behind its end")
    return next((steps[name] for name in STEPS if name in steps), None)


def _value(data: bytes, at: int) -> tuple[object, int, int]:
    """One value, if it is short and plain, how many bytes it takes, and how many values are in it."""
    code = data[at] if at < len(data) else -1
    if code in _LENGTHS:
        wide = _LENGTHS[code]
        length = int.from_bytes(data[at + 1 : at + 1 + wide], "big") + (code in _EXTRAS)
        return None, 1 + wide + length, 0
    if 0xA0 <= code < 0xC0:  # noqa: PLR2004 - the format's own numbers here and below
        length = code & 31
        return data[at + 1 : at + 1 + length].decode("utf-8", "replace"), 1 + length, 0
    if code in _COUNTS:
        wide, each = _COUNTS[code]
        return None, 1 + wide, each * int.from_bytes(data[at + 1 : at + 1 + wide], "big")
    if code in _FIXED:
        told = data[at + 1 : at + 1 + _FIXED[code]]
        is_number = code in _INTEGERS and len(told) == _FIXED[code]
        return struct.unpack(_INTEGERS[code], told)[0] if is_number else None, 1 + _FIXED[code], 0
    return _small(code)


def _small(code: int) -> tuple[object, int, int]:
    """A value that is a single byte, or a short map or list of such a head."""
    if code < 0 or code == _NEVER:
        raise NotWhole("it is cut off" if code < 0 else "it is damaged")
    if code < 0x80:  # noqa: PLR2004
        return code, 1, 0
    if code < 0x90:  # noqa: PLR2004
        return None, 1, 2 * (code & 15)
    if code < 0xA0:  # noqa: PLR2004
        return None, 1, code & 15
    return code - 256, 1, 0
