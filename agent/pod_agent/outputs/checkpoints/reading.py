"""How formats read a file: a few bytes at its ends, errors in words, an end of nothing but zeros noticed."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from pod_agent.outputs.checkpoints.candidate import EndsInZeros, NotWhole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_agent.outputs.checkpoints.candidate import Candidate, Seen

_BLOCK = 4096  # a crash loses whole blocks of a file that was written and not yet on the disk


@contextmanager
def opened(found: Candidate) -> Iterator[BinaryIO]:
    """The single file that a candidate is. Raises NotWhole where it is empty or cannot be read."""
    if found.size_bytes == 0:
        raise NotWhole("it is empty")
    try:
        with found.path.open("rb") as file:
            yield file
    except OSError as error:
        raise NotWhole(f"it cannot be read: {error.strerror}") from None


def is_closed(data: bytes) -> bool:
    """Whether a JSON document goes to its last bracket: one that was cut has opened more than it closed."""
    if data.lstrip()[:1] + data.rstrip()[-1:] not in {b"{}", b"[]"}:
        return False
    if data.count(b"{") == data.count(b"}") and data.count(b"[") == data.count(b"]"):
        return True
    try:
        json.loads(data)  # brackets in its texts
    except (ValueError, RecursionError):
        return False
    return True


def check_tail(file: BinaryIO, size: int, begin: int, seen: Seen, step: int | None = None) -> None:
    """Raw numbers lie between ``begin`` and the end. Zeros there may be numbers, or what a crash left of them."""
    at = (size - 1) // _BLOCK * _BLOCK
    at = at - _BLOCK if size - at < _BLOCK // 8 else at
    if at < begin or (seen.sizes and not seen.changed):
        return  # too little of it to tell by, or its end is held against what it was
    file.seek(at)
    if not file.read(2 * _BLOCK).strip(b"\0"):
        raise EndsInZeros(step)
