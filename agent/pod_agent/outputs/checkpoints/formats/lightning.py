"""Lightning's sharded checkpoints: a folder that ends in ``.ckpt``. Its usual ones are files of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints import pickles
from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_agent.outputs.checkpoints.formats.torch_file import value_in_zip
from pod_agent.outputs.checkpoints.inside import check_inside

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_META = "meta.pt"
_METADATA = ".metadata"


class LightningFolder:
    name = "Lightning, sharded"
    endings = (_META,)

    def claims(self, entry: Entry) -> bool:
        return entry.is_folder and entry.name.endswith(".ckpt")

    def check(self, found: Candidate, seen: Seen) -> int | None:
        sizes = {part.name: part.size for part in found.parts}
        if not any(name.endswith("_states.pt") for name in sizes):  # DeepSpeed's has its own way
            for name in (_METADATA, _META):
                if name not in sizes:
                    raise NotWhole(f"{name} is missing")
        step = check_inside(found, seen, last=_META if _META in sizes else "latest")
        if _META in sizes:
            with (found.path / _META).open("rb") as file:
                told = pickles.step_in(value_in_zip(file, sizes[_META]))
            step = step if told is None else told
        return step
