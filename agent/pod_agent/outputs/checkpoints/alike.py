"""Whether a pickle is like one that was followed, but for texts behind a place: following it does the same then.

Compared are bytes up to that place, where only the length of the frame around it may differ, and opcodes behind it.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.machine import is_risky
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

Opcode = tuple[bytes, bytes]
_WIDTH = 8  # bytes of a frame's length
_NOTHING = (
    pickle.MARK, pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.EMPTY_TUPLE, pickle.EMPTY_LIST,
    pickle.EMPTY_DICT, pickle.EMPTY_SET, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.APPEND,
    pickle.APPENDS, pickle.ADDITEMS, pickle.SETITEM, pickle.SETITEMS, pickle.STACK_GLOBAL, pickle.REDUCE,
    pickle.NEWOBJ, pickle.BUILD, pickle.MEMOIZE, pickle.STOP,
)  # fmt: skip
_FIXED = dict.fromkeys(_NOTHING, 0) | {
    pickle.BININT: 4, pickle.BININT1: 1, pickle.BININT2: 2, pickle.BINFLOAT: 8, pickle.BINGET: 1,
    pickle.LONG_BINGET: 4, pickle.BINPUT: 1, pickle.LONG_BINPUT: 4,
}  # fmt: skip
_TEXTS = {pickle.SHORT_BINUNICODE: 1, pickle.BINUNICODE: 4}
_LENGTHS = _TEXTS | {pickle.LONG1: 1}


@dataclass(frozen=True, slots=True)
class Followed:
    """A pickle that was followed to its end."""

    head: bytes
    body: bytes  # behind the length of a frame, or from the beginning
    behind_frame: int | None  # bytes; None where it has no frames
    tail: tuple[Opcode, ...]

    @classmethod
    def of(cls, data: bytes, place: int) -> Followed | None:
        """Texts may differ behind ``place``, where an opcode begins. None where that cannot be told."""
        tail = _opcodes(data[place:])
        if tail is None:
            return None
        at = _frame(data, place)
        begin = at + _WIDTH if at else 0
        return cls(data[:at], data[begin:place], _behind_frame(data, at) if at else None, tail)

    def is_like(self, data: bytes) -> bool:
        """Whether following these bytes would do the very same."""
        at = len(self.head)
        begin = at + _WIDTH if at else 0
        if not (data.startswith(self.head) and data.startswith(self.body, begin)):
            return False
        if at and _behind_frame(data, at) != self.behind_frame:
            return False
        tail = _opcodes(data[begin + len(self.body) :])
        return tail is not None and len(tail) == len(self.tail) and all(map(_alike, self.tail, tail))


def _alike(one: Opcode, other: Opcode) -> bool:
    """The same, or two texts that name nothing which could be run."""
    return one == other or (
        one[0] == other[0] and one[0] in _TEXTS and _is_harmless(one) and _is_harmless(other)
    )


def _is_harmless(opcode: Opcode) -> bool:
    return not is_risky(opcode[1].decode("utf-8", "replace"))


def _frame(data: bytes, place: int) -> int:
    """Where the length of the frame around a place stands; 0 where frames do not lie end to end, or are none."""
    at = 2  # behind the protocol
    while data[at : at + 1] == pickle.FRAME:
        behind = at + 1 + _WIDTH + _length(data, at + 1)
        if behind > place:
            return at + 1
        at = behind
    return 0


def _behind_frame(data: bytes, at: int) -> int:
    return len(data) - at - _WIDTH - _length(data, at)


def _length(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + _WIDTH], "little")


def _opcodes(data: bytes) -> tuple[Opcode, ...] | None:
    """With their arguments, if the last byte is the STOP and all of them are usual."""
    try:
        return tuple(_each(data))
    except ValueError:
        return None


def _each(data: bytes) -> Iterator[Opcode]:
    at, code = 0, b""
    while code != pickle.STOP:
        code = data[at : at + 1]
        begin = at + 1
        if code in _FIXED:
            at = begin + _FIXED[code]
        elif code in _LENGTHS:
            begin += _LENGTHS[code]
            at = begin + int.from_bytes(data[at + 1 : begin], "little")
        elif code == pickle.GLOBAL:
            at = data.index(b"\n", data.index(b"\n", begin) + 1) + 1
        else:
            raise ValueError(f"an unusual opcode: {code!r}")
        yield code, data[begin:at]
    if at != len(data):
        raise ValueError("something stands behind the end")
