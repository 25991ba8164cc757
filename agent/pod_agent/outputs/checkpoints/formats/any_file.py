"""Any file that a glob names and no other format knows: it says no length, so only rest and memory can prove it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import Unproved
from pod_agent.outputs.checkpoints.reading import opened

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen


class AnyFile:
    name = "any other file"
    endings: tuple[str, ...] = ()

    def claims(self, entry: Entry) -> bool:
        return not entry.is_folder

    def check(self, found: Candidate, seen: Seen) -> int | None:
        del seen
        with opened(found):
            raise Unproved("nobody saw it whole, and this kind of file says no length")
