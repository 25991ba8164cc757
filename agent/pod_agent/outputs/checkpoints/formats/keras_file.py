"""Keras 3: a zip of a configuration and an HDF5 file of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints import zips
from pod_agent.outputs.checkpoints.reading import opened

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen


class KerasFile:
    name = "Keras"
    endings = (".keras",)

    def claims(self, entry: Entry) -> bool:
        return not entry.is_folder and entry.name.endswith(self.endings)

    def check(self, found: Candidate, seen: Seen) -> int | None:
        del seen
        with opened(found) as file:
            zips.check(file, found.size_bytes)
        return None
