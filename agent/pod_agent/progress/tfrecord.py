"""The framing of TensorFlow's record files: length, masked CRC, bytes, masked CRC. Pure; a torn end is no error.

What does not fit its check sum ends the reading: nothing after it can be trusted. Not here: what a record holds.
"""

from __future__ import annotations

import functools
import struct

from pod_wire.frozen import dataclass

LARGEST = 1 << 20  # of a record that is looked into; larger ones are pictures, and skipped
_HEAD = struct.Struct("<QI")
_CRC = struct.Struct("<I")
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected


@dataclass(frozen=True, slots=True)
class Records:
    """``used``: how many of the bytes are done with. ``skip``: bytes to leave out after those. ``broken``: no more."""

    found: tuple[bytes, ...] = ()
    used: int = 0
    skip: int = 0
    broken: bool = False


def read(data: bytes) -> Records:
    """All whole records from a boundary on."""
    found: list[bytes] = []
    at = 0
    while len(data) - at >= _HEAD.size:
        size, crc = _HEAD.unpack_from(data, at)
        if masked(data[at : at + 8]) != crc:
            return Records(tuple(found), at, broken=True)
        end = at + _HEAD.size + size + _CRC.size
        if size > LARGEST:
            return Records(tuple(found), min(end, len(data)), max(0, end - len(data)))
        if end > len(data):
            break
        record = data[at + _HEAD.size : end - _CRC.size]
        if masked(record) != _CRC.unpack_from(data, end - _CRC.size)[0]:
            return Records(tuple(found), at, broken=True)
        found.append(record)
        at = end
    return Records(tuple(found), at)


def masked(data: bytes) -> int:
    """CRC-32C, turned and added to as the format wants it."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@functools.cache
def _table() -> tuple[int, ...]:
    rows = []
    for start in range(256):
        value = start
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        rows.append(value)
    return tuple(rows)
