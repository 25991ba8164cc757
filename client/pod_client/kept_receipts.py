"""The last receipt of each pod, kept in this machine's own state folder: a pod that is off or gone cannot be asked.

One 0600 file for each pod. Not here: asking pods, and words.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pod_wire.codec import from_json, to_json
from pod_wire.errors import PodError
from pod_wire.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 200
LARGEST = 4 << 20
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class KeptReceipts:
    """Reads and writes tolerate a folder that is full, foreign or not there: a receipt less is no failure."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, pod_id: str, told: Receipt) -> None:
        """The newest in the place of the one before; the oldest files give way."""
        if not _ID.fullmatch(pod_id):
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, draft = tempfile.mkstemp(dir=self._folder, prefix=".receipt-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(to_json(told) + b"\n")
                Path(draft).replace(self._folder / f"{pod_id}.json")
            except OSError:
                Path(draft).unlink(missing_ok=True)
                raise
            for old in sorted(self._folder.glob("*.json"), key=_written)[:-MOST]:
                old.unlink(missing_ok=True)
        except OSError:
            return

    def of(self, pod_id: str) -> Receipt | None:
        return self._read(self._folder / f"{pod_id}.json") if _ID.fullmatch(pod_id) else None

    def find(self, wanted: str) -> tuple[str, Receipt] | None:
        """By the pod's id, else the newest of a job of this name."""
        found = self.of(wanted)
        if found is not None:
            return wanted, found
        return next(((pod, told) for pod, told in self._all() if told.job == wanted), None)

    def _all(self) -> Iterator[tuple[str, Receipt]]:
        for path in sorted(self._folder.glob("*.json"), key=_written, reverse=True):
            told = self._read(path)
            if told is not None:
                yield path.stem, told

    def _read(self, path: Path) -> Receipt | None:
        try:
            with path.open("rb") as file:
                return from_json(Receipt, file.read(LARGEST))
        except (OSError, PodError):
            return None


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
