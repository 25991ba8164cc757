"""``checkpoints.json``: which checkpoints were seen whole, with what sizes, and which names are rewritten in place.

Only a memory: what it says is held against the disk each time. Lost or damaged, it is begun anew.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, field
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import Part, Seen
from pod_agent.outputs.checkpoints.files import kind_of, kinds
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.outputs.checkpoints.candidate import Candidate

FILE = "checkpoints.json"
_FORMAT = 1
_MOST = 2000
_END = 4096
_MOST_ENDS = 512  # files of one checkpoint whose ends are remembered


@dataclass(frozen=True, slots=True)
class Record:
    """A checkpoint as it was when it was first judged whole."""

    parts: tuple[Part, ...]
    step: int | None
    seen_at: float
    ends: dict[str, int] = field(default_factory=dict)  # a checksum of each file's first and last block

    @property
    def sizes(self) -> dict[str, int]:
        return {part.name: part.size for part in self.parts}


@dataclass(slots=True)
class Records:
    """All of a job's. Not thread-safe: the watch owns it while training lives, the restore before."""

    path: Path
    whole: dict[str, Record] = field(default_factory=dict)
    rewritten: set[str] = field(default_factory=set)
    _latest: dict[str, tuple[str, tuple[Part, ...]]] = field(default_factory=dict)  # of each series of names

    @staticmethod
    def load(state: Path) -> Records:
        records = Records(state / FILE)
        try:
            told = json.loads(records.path.read_bytes())
            if told["format"] != _FORMAT:
                return records
            for name, one in told["whole"].items():
                parts = tuple(Part(**part) for part in one["parts"])
                records._put(name, Record(parts, one["step"], one["seen_at"], one.get("ends", {})))
            records.rewritten.update(told["rewritten"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Records(records.path)
        return records

    def save(self) -> None:
        """Replace the file. Raises OSError where the disk does not allow it."""
        newest = list(self.whole.items())[-_MOST:]
        told = {
            "format": _FORMAT,
            "whole": {name: asdict(one) for name, one in newest},
            "rewritten": sorted(self.rewritten),
        }
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(told), encoding="utf-8")
        draft.replace(self.path)

    def of(self, candidate: Candidate) -> Record | None:
        return self.whole.get(str(candidate.path))

    def is_known(self, candidate: Candidate) -> bool:
        """Whether exactly this content was judged whole before."""
        record = self.of(candidate)
        return record is not None and record.parts == candidate.parts

    def seen(self, candidate: Candidate) -> Seen:
        """What is known of it from earlier looks, and of the one before it."""
        record = self.of(candidate)
        if record is not None:
            now = {part.name: part for part in candidate.parts}
            changed = frozenset(part.name for part in record.parts if now.get(part.name) != part)
            return Seen(record.sizes, changed=changed)
        before = None if candidate.is_file else self._latest.get(kind_of(str(candidate.path)))
        return Seen() if before is None else Seen(kinds=kinds(*before))

    def knows(self, candidate: Candidate) -> bool:
        """Whether it is a folder that was seen whole with these files, at most copied since: all of it is newer."""
        record = self.of(candidate)
        if record is None or candidate.is_file:
            return False
        is_copied = not set(record.parts) & set(candidate.parts)
        return is_copied and record.sizes == {part.name: part.size for part in candidate.parts}

    def lost_end(self, candidate: Candidate) -> str | None:
        """Why it is not what it was when it was seen whole: an end is another, though size and time are not."""
        record = self.of(candidate)
        if record is None:
            return None
        for part in set(record.parts) & set(candidate.parts):
            if record.ends.get(part.name) and _end(candidate, part) != record.ends[part.name]:
                return f"{part.name} is not what it was when it was whole"
        return None

    def add(self, candidate: Candidate, step: int | None, now: float) -> None:
        if self.of(candidate) is not None:
            self.rewritten.add(str(candidate.path))
        ends = {part.name: _end(candidate, part) for part in candidate.parts[:_MOST_ENDS]}
        self._put(str(candidate.path), Record(candidate.parts, step, now, ends))

    def _put(self, name: str, record: Record) -> None:
        """As the last that was seen: their order is kept on the disk too."""
        self.whole.pop(name, None)
        self.whole[name] = record
        self._latest[kind_of(name)] = (name.rpartition("/")[2], record.parts)


def _end(candidate: Candidate, part: Part) -> int:
    """A checksum of a file's first and last block; 0, which proves nothing, where it cannot be read."""
    path = candidate.path if candidate.is_file else candidate.path / part.name
    try:
        with path.open("rb") as file:
            head = zlib.crc32(file.read(_END))
            file.seek(max(0, part.size - _END))
            return zlib.crc32(file.read(_END), head)
    except OSError:
        return 0
