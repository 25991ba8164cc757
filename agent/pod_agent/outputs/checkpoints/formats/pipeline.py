"""A diffusers pipeline that was saved for a step: ``model_index.json`` names the folders that belong to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_agent.outputs.checkpoints.inside import check_inside
from pod_agent.outputs.checkpoints.names import NUMBERED

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_INDEX = "model_index.json"
_LIMIT = 1 << 20


class Pipeline:
    name = "diffusers pipeline"
    endings = (_INDEX,)

    def claims(self, entry: Entry) -> bool:
        """Only one that was saved for a step: a pipeline without one is a result, not a checkpoint."""
        return entry.is_folder and _INDEX in entry.files and NUMBERED.search(entry.name) is not None

    def check(self, found: Candidate, seen: Seen) -> int | None:
        try:
            with (found.path / _INDEX).open("rb") as file:
                told = json.loads(file.read(_LIMIT))
            parts = [
                name for name, kind in told.items() if isinstance(kind, list) and kind and kind[0] is not None
            ]
        except (OSError, ValueError, AttributeError, RecursionError):
            raise NotWhole(f"{_INDEX} is not valid") from None
        names = {part.name for part in found.parts}
        for name in parts:
            if not any(other.startswith(f"{name}/") for other in names):
                raise NotWhole(f"{name} is missing")
        return check_inside(found, seen, step=found.step, read=frozenset({_INDEX}))
