"""The names of the code's own files below a folder: git's by its index, others by the manifest of what came.

No program is run.
"""

from __future__ import annotations

import hashlib
import os
import struct
from typing import TYPE_CHECKING

from pod_agent.outputs.came import names_at
from pod_agent.outputs.checkpoints.known import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ENDINGS = tuple(suffix.encode() for suffix in ENDINGS)
_FIXED = 62  # bytes of an entry before its name, with SHA-1


def tracked(folder: Path) -> frozenset[str]:
    """Relative to ``folder``, anywhere in a work tree: those that could be taken for a checkpoint's."""
    return _by_git(folder) | frozenset(names_at(folder, ENDINGS))


def _by_git(folder: Path) -> frozenset[str]:
    for top in (folder, *folder.parents):
        index = top / ".git" / "index"
        try:
            data = index.read_bytes()
        except OSError:
            if (top / ".git").exists():
                return frozenset()
            continue
        below = "" if top == folder else f"{folder.relative_to(top).as_posix()}/"
        names = (os.fsdecode(name) for name in _names(data) if name.endswith(_ENDINGS))
        return frozenset(name.removeprefix(below) for name in names if name.startswith(below))
    return frozenset()


def _names(data: bytes) -> Iterator[bytes]:
    """The index's entries. An index of a kind that is not known here names nothing."""
    if len(data) < 32 or data[:4] != b"DIRC" or hashlib.sha1(data[:-20]).digest() != data[-20:]:  # noqa: S324, PLR2004
        return
    version, count = struct.unpack(">LL", data[4:12])
    at = 12
    last = b""
    for _ in range(count):
        (flags,) = struct.unpack_from(">H", data, at + _FIXED - 2)
        begin = at + _FIXED + (2 if version > 2 and flags & 0x4000 else 0)  # noqa: PLR2004 - versions
        if version == 4:  # noqa: PLR2004
            cut, begin = _varint(data, begin)
            end = data.index(b"\0", begin)
            last = last[: len(last) - cut] + data[begin:end]
            at = end + 1
        else:
            end = data.index(b"\0", begin)
            last = data[begin:end]
            at += (end - at) // 8 * 8 + 8
        yield last


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    value = byte & 127
    while byte & 128:
        at += 1
        byte = data[at]
        value = (value + 1 << 7) | (byte & 127)
    return value, at + 1
