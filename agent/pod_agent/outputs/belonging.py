"""Which checkpoints are a run's own: all that were not there, exactly so, before its first attempt.

No clock is asked where the list of that moment is to be had: one that was set back would hide what is saved later.
Not here: finding candidates, and judging them.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pod_agent.outputs.checkpoints.candidate import Candidate

FILE = "before.json"
SLACK_S = 1.0  # file systems round the time of a write
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Belonging:
    """What tells a run's own. ``since`` serves where ``before`` was lost: a run of an older podkeep, a full disk.

    ``is_fresh``: what a user's glob names counts from the run's beginning only; otherwise it counts in any case.
    """

    folder: Path
    since: float = 0.0
    before: Mapping[str, str] | None = None
    has_glob: bool = False
    is_fresh: bool = False

    def owns(self, found: Candidate) -> bool:
        if self.has_glob and not self.is_fresh:
            return True
        return self.owns_copy(found)

    def owns_copy(self, found: Candidate) -> bool:
        """The same for a copy of ours, which no glob names."""
        if self.before is not None:
            mark = self.before.get(_name(found, self.folder))
            return mark is None or mark != _print(found)
        return found.mtime >= self.since - SLACK_S


def take(found: Iterable[Candidate], folder: Path) -> dict[str, str]:
    """The list of what is there now."""
    return {_name(one, folder): _print(one) for one in found}


def save(state: Path, run: str, before: Mapping[str, str]) -> None:
    """Raises OSError where the disk does not allow it."""
    draft = state / f"{FILE}.new"
    draft.write_text(json.dumps({"format": _FORMAT, "run": run, "before": dict(before)}), encoding="ascii")
    draft.replace(state / FILE)


def load(state: Path, run: str) -> dict[str, str] | None:
    """The list of this very run; None where there is none that can be read."""
    try:
        told = json.loads((state / FILE).read_bytes())
        if told["format"] != _FORMAT or told["run"] != run:
            return None
        return {str(name): str(mark) for name, mark in told["before"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _name(found: Candidate, folder: Path) -> str:
    name, top = os.fspath(found.path), f"{folder}/"
    return name.removeprefix(top) if name.startswith(top) else os.path.relpath(name, folder)


def _print(found: Candidate) -> str:
    """Without inodes: a volume that is mounted elsewhere may number its files anew."""
    told = "\0".join(f"{part.name}\0{part.size}\0{part.mtime_ns}" for part in found.parts)
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]
