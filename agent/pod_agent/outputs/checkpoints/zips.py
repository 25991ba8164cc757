"""The end of a zip, which is written last and says where everything before it lies. Not here: what is in it."""

from __future__ import annotations

import struct
import zipfile
from typing import TYPE_CHECKING, BinaryIO

from pod_agent.outputs.checkpoints.candidate import NotWhole

if TYPE_CHECKING:
    from collections.abc import Callable

BEGINNING = b"PK\x03\x04"
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_LOCAL = struct.Struct("<4s5H3L2H")
_LONGEST = 65535  # a comment
_UNKNOWN = 0xFFFFFFFF  # or said elsewhere


def is_zip(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4) == BEGINNING


def check(file: BinaryIO, size: int, begin: int = 0) -> None:
    """Raises NotWhole where the zip between ``begin`` and ``size`` does not end as it should."""
    at, tail = _end(file, size, begin)
    fields = _END.unpack_from(tail)
    length, offset = fields[5], fields[6]
    if at + _END.size + fields[7] != size:
        raise NotWhole("something stands behind the end of its zip")
    if at - begin >= _LOCATOR.size:
        file.seek(at - _LOCATOR.size)
        locator = _LOCATOR.unpack(file.read(_LOCATOR.size))
        if locator[0] == b"PK\x06\x07":
            at = begin + locator[2]
            file.seek(at)
            large = file.read(_END64.size)
            if not large.startswith(b"PK\x06\x06") or len(large) < _END64.size:
                raise NotWhole("the end of its zip is damaged")
            length, offset = _END64.unpack(large)[8:10]
    if begin + offset + length != at:
        raise NotWhole("the list of its zip does not fit its length")
    file.seek(begin + offset)
    if length and file.read(4) != b"PK\x01\x02":
        raise NotWhole("the list of its zip is damaged")
    file.seek(begin)
    if length and file.read(4) != BEGINNING:
        raise NotWhole("it does not begin like a zip")


def _end(file: BinaryIO, size: int, begin: int) -> tuple[int, bytes]:
    """Where the end record lies, and what is there: at the very end, or before a comment."""
    at = max(begin, size - _END.size)
    file.seek(at)
    tail = file.read(size - at)
    if tail.startswith(b"PK\x05\x06") and len(tail) == _END.size:
        return at, tail
    at = max(begin, size - _END.size - _LONGEST)
    file.seek(at)
    tail = file.read(size - at)
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or len(tail) - found < _END.size:
        raise NotWhole("the end of its zip is missing")
    return at + found, tail[found:]


def listed(file: BinaryIO, size: int) -> int:
    """How long its list is."""
    return int(_END.unpack_from(_end(file, size, 0)[1])[5])


def stands_at(file: BinaryIO, wanted: Callable[[str], bool], begin: int = 0) -> int | None:
    """How long the first entry is, with the file standing at it; None where it is packed or another. Unknown is 0."""
    file.seek(begin)
    head = file.read(_LOCAL.size)
    if len(head) < _LOCAL.size:
        return None
    local = _LOCAL.unpack(head)
    name = file.read(local[9]).decode("utf-8", "replace")
    if local[3] != zipfile.ZIP_STORED or not wanted(name):
        return None
    file.seek(local[10], 1)
    return int(local[7]) if local[7] < _UNKNOWN else 0
