"""Scalars out of a record of TensorBoard's event file, in the old field and in the new one. Pure, never raises.

A record is a protobuf message: `Event {1: wall_time, 2: step, 5: Summary {1: Value {1: tag, 2: simple_value,
8: tensor}}}`. Only that much of the format is known here. Not here: framing (``tfrecord``).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pod_agent.progress import fields
from pod_agent.progress.reading import Reading, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "events.out.tfevents"
_MOST_FIELDS = 2000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT, _DOUBLE = 1, 2  # TensorBoard's types of a tensor
Value = int | bytes


class _Torn(Exception):
    """The message ends too early, or is none."""


def read(record: bytes) -> Reading | None:
    """The step of an event and its loss or other scalars; None for one without scalars."""
    try:
        step, pairs = _event(record)
    except (_Torn, struct.error, UnicodeDecodeError):
        return None
    if not pairs:
        return None
    return fields.reading([("global_step", step), *pairs], Source.TENSORBOARD)


def _event(record: bytes) -> tuple[int, list[tuple[str, float]]]:
    step, pairs = 0, []
    for number, value in _fields(record):
        if number == 2 and isinstance(value, int):  # noqa: PLR2004 - the format's field numbers, here and below
            step = value
        elif number == 5 and isinstance(value, bytes):  # noqa: PLR2004
            pairs += [
                pair for one, inner in _fields(value) if one == 1 and (pair := _scalar(inner)) is not None
            ]
    return step, pairs


def _scalar(value: Value) -> tuple[str, float] | None:
    """Tag and number of one value; None for a histogram, a text, a picture."""
    if not isinstance(value, bytes):
        return None
    tag, found = "", None
    for number, inner in _fields(value):
        if number == 1 and isinstance(inner, bytes):
            tag = inner.decode("utf-8")
        elif number == 2 and isinstance(inner, bytes):  # noqa: PLR2004
            found = float(struct.unpack("<f", inner)[0])
        elif number == 8 and isinstance(inner, bytes):  # noqa: PLR2004
            found = _tensor(inner)
    return None if found is None or not tag else (tag, found)


def _tensor(data: bytes) -> float | None:
    """The number of a tensor that holds exactly one float: packed, repeated, or as raw content."""
    kind, raw, values = 0, b"", b""
    for number, inner in _fields(data):
        if number == 1 and isinstance(inner, int):
            kind = inner
        elif number == 4 and isinstance(inner, bytes):  # noqa: PLR2004
            raw = inner
        elif number in {5, 6} and isinstance(inner, bytes):
            values = inner
    content = values or raw
    if kind == _FLOAT and len(content) == 4:  # noqa: PLR2004 - the size of a float
        return float(struct.unpack("<f", content)[0])
    if kind == _DOUBLE and len(content) == 8:  # noqa: PLR2004
        return float(struct.unpack("<d", content)[0])
    return None


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of each field; floats stay bytes."""
    at = 0
    for _ in range(_MOST_FIELDS):
        if at >= len(data):
            return
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
        else:
            raise _Torn
        if at + size > len(data):
            raise _Torn
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _Torn
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the bit that says more comes
            return value, at
    raise _Torn
