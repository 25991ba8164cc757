"""MessagePack, as flax writes it: every value says its length, so the last byte is known by walking over them."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, BinaryIO

from pod_agent.outputs.checkpoints.candidate import NotWhole, Unproved
from pod_agent.outputs.checkpoints.pickles import STEPS
from pod_agent.outputs.checkpoints.reading import check_tail, opened

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_BARE = re.compile(r"^checkpoint_\d+$")  # flax gives its files no ending
_MOST_VALUES = 500_000
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
            step = _walk(file, size)
            check_tail(file, size, min(size, 4096), seen, step)
        return step


def _walk(file: BinaryIO, size: int) -> int | None:
    """Over every value to the end. Gives the step named in the outermost map."""
    steps: dict[str, int] = {}
    left = [1]  # values still to come, of each open list or map
    name = ""
    for _ in range(_MOST_VALUES):
        while left and left[-1] == 0:
            left.pop()
        if not left:
            break
        left[-1] -= 1
        is_name = len(left) == 2 and left[-1] % 2 == 1  # noqa: PLR2004 - within the outermost map
        value, more = _value(file, size)
        if is_name:
            name = value if isinstance(value, str) else ""
        elif len(left) == 2 and isinstance(value, int) and name in STEPS:  # noqa: PLR2004
            steps[name] = value
        if more:
            left.append(more)
    else:
        raise Unproved("it holds more than podkeep follows")
    if file.tell() != size:
        raise NotWhole("something stands behind its end")
    return next((steps[name] for name in STEPS if name in steps), None)


def _value(file: BinaryIO, size: int) -> tuple[object, int]:
    """One value, if it is short and plain, and how many are in it."""
    head = file.read(1)
    code = head[0] if head else 0xC1
    if code < 0x80:  # noqa: PLR2004 - the format's own numbers here and below
        return code, 0
    if code < 0x90:  # noqa: PLR2004
        return None, 2 * (code & 15)
    if code < 0xA0:  # noqa: PLR2004
        return None, code & 15
    if code < 0xC0:  # noqa: PLR2004
        return _take(file, code & 31).decode("utf-8", "replace"), 0
    if code >= 0xE0:  # noqa: PLR2004
        return code - 256, 0
    if code in _COUNTS:
        wide, each = _COUNTS[code]
        return None, each * int.from_bytes(_take(file, wide), "big")
    if code in _LENGTHS:
        length = int.from_bytes(_take(file, _LENGTHS[code]), "big") + (code in _EXTRAS)
        if file.seek(length, 1) > size:
            raise NotWhole("it is cut off")
        return None, 0
    if code not in _FIXED:
        raise NotWhole("it is damaged" if head else "it is cut off")
    data = _take(file, _FIXED[code])
    return struct.unpack(_INTEGERS[code], data)[0] if code in _INTEGERS else None, 0


def _take(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    if len(data) < length:
        raise NotWhole("it is cut off")
    return data
