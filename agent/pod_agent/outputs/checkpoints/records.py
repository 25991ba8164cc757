"""``checkpoints.json``: which checkpoints were seen whole, with what sizes, and which names are rewritten in place.

Only a memory: what it says is held against the disk each time. Lost or damaged, it is begun anew.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import Candidate, Part

if TYPE_CHECKING:
    from pathlib import Path

FILE = "checkpoints.json"
_FORMAT = 1
_MOST = 2000


@dataclass(frozen=True, slots=True)
class Record:
    """A checkpoint as it was when it was first judged whole."""

    parts: tuple[Part, ...]
    step: int | None
    seen_at: float

    @property
    def sizes(self) -> dict[str, int]:
        return {part.name: part.size for part in self.parts}


@dataclass(slots=True)
class Records:
    """All of a job's. Not thread-safe: the watch owns it while training lives, the restore before."""

    path: Path
    whole: dict[str, Record] = field(default_factory=dict)
    rewritten: set[str] = field(default_factory=set)

    @staticmethod
    def load(state: Path) -> Records:
        records = Records(state / FILE)
        try:
            told = json.loads(records.path.read_bytes())
            if told["format"] != _FORMAT:
                return records
            for name, one in told["whole"].items():
                parts = tuple(Part(**part) for part in one["parts"])
                records.whole[name] = Record(parts, one["step"], one["seen_at"])
            records.rewritten.update(told["rewritten"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Records(records.path)
        return records

    def save(self) -> None:
        """Replace the file. Raises OSError where the disk does not allow it."""
        newest = sorted(self.whole.items(), key=lambda item: item[1].seen_at)[-_MOST:]
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

    def add(self, candidate: Candidate, step: int | None, now: float) -> None:
        if self.of(candidate) is not None:
            self.rewritten.add(str(candidate.path))
        self.whole[str(candidate.path)] = Record(candidate.parts, step, now)
