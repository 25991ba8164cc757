"""JAX's orbax: a folder that gets its name when it is finished; its metadata say when that was."""

from __future__ import annotations

import json
import re
import struct
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_agent.outputs.checkpoints.inside import check_inside
from pod_agent.outputs.checkpoints.reading import is_closed

if TYPE_CHECKING:
    from collections.abc import Collection

    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_METADATA = "_CHECKPOINT_METADATA"
_COMMITTED = "commit_success.txt"
_MARKS = {_METADATA, _COMMITTED}
_TREE = "_METADATA"
_MANIFEST = "manifest.ocdbt"
_MAGIC = struct.pack(">I", 0x0CDB3A2A)
_DATA = re.compile(r"^((?:.*/)?)(?:d|ocdbt\.process_\d+)/")
_LIMIT = 1 << 20


class Orbax:
    name = "orbax (JAX)"
    endings = tuple(sorted(_MARKS | {_TREE, _MANIFEST}))

    def claims(self, entry: Entry) -> bool:
        if not entry.is_folder:
            return False
        return bool(entry.files & _MARKS) or (
            _TREE in entry.files and bool(entry.folders or len(entry.files) > 1)
        )

    def check(self, found: Candidate, seen: Seen) -> int | None:
        names = {part.name for part in found.parts}
        last = _check_names(names)
        if _METADATA in names:
            _check_committed(found)
        for part in found.parts:
            if part.name.rpartition("/")[2] == _MANIFEST:
                _check_manifest(found, part.name, part.size)
            elif part.name.rpartition("/")[2] == _TREE:
                _check_tree(found, part.name)
        return check_inside(found, seen, step=found.step, last=last)


def _check_names(names: Collection[str]) -> str:
    """What has to be there. Gives the file that is written last."""
    if any("orbax-checkpoint-tmp" in name for name in names):
        raise NotWhole("a folder in it says that it is not finished")
    last = next((name for name in (_COMMITTED, _METADATA) if name in names), _TREE)
    if last != _COMMITTED and any(name.endswith(f"/{_COMMITTED}") for name in names):
        raise NotWhole(f"{_COMMITTED} is missing")
    trees = [name for name in names if name.rpartition("/")[2] == _TREE]
    if not trees:
        raise NotWhole(f"{_TREE} is missing")
    if _TREE not in trees and _METADATA not in names:
        raise NotWhole(f"{_METADATA} is missing")
    for name in names:
        told = _DATA.match(name)
        if told is not None and f"{told[1]}{_MANIFEST}" not in names:
            raise NotWhole(f"{told[1]}{_MANIFEST} is missing")
    return last


def _check_committed(found: Candidate) -> None:
    try:
        with (found.path / _METADATA).open("rb") as file:
            told = json.loads(file.read(_LIMIT))
    except (OSError, ValueError, RecursionError):
        raise NotWhole(f"{_METADATA} is not valid") from None
    if not isinstance(told, dict):
        raise NotWhole(f"{_METADATA} is not valid")
    if told.get("commit_timestamp_nsecs", 0) is None:
        raise NotWhole(f"{_METADATA} says that it was not committed")


def _check_tree(found: Candidate, name: str) -> None:
    """JSON, as long as the model has many parts: its brackets are counted."""
    try:
        data = (found.path / name).read_bytes()
    except OSError as error:
        raise NotWhole(f"{name} cannot be read: {error.strerror}") from None
    if not is_closed(data):
        raise NotWhole(f"{name} has no end")


def _check_manifest(found: Candidate, name: str, size: int) -> None:
    """It begins with four signs and its own length."""
    try:
        with (found.path / name).open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise NotWhole(f"{name} cannot be read: {error.strerror}") from None
    if not head.startswith(_MAGIC) or int.from_bytes(head[4:], "little") != size:
        raise NotWhole(f"{name} is not as long as it says")
