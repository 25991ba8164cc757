"""JSON, as small trainers write their state: valid to its last bracket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import NotACheckpoint, NotWhole
from pod_agent.outputs.checkpoints.pickles import step_in
from pod_agent.outputs.checkpoints.reading import is_closed, opened

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_LIMIT = 64 << 20
_LARGE = 64 << 10  # beside weights: only its brackets are counted


class JsonFile:
    name = "JSON"
    endings = (".json",)

    def claims(self, entry: Entry) -> bool:
        return not entry.is_folder and entry.name.endswith(self.endings)

    def check(self, found: Candidate, seen: Seen) -> int | None:
        size = found.size_bytes
        if size > _LIMIT:
            raise NotACheckpoint("it is too long for podkeep to read")
        with opened(found) as file:
            data = file.read()
        if size > _LARGE and not seen.wants_step:
            if not is_closed(data):
                raise NotWhole("its JSON has no end")
            return None
        try:
            return step_in(json.loads(data))
        except (ValueError, RecursionError):
            raise NotWhole("its JSON is not valid") from None
