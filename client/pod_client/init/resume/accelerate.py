"""Accelerate: ``accelerator.load_state(…)``, by a flag, or by its own numbering of checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.init.origins import origins
from pod_client.init.resume.from_origins import by_flag, named_flags, put_back
from pod_client.init.resume.way import Gap, Way
from pod_client.init.source import argument, called

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.program import Program

_REMEDY = (
    "call accelerator.load_state(path) before the loop, and let a flag --resume_from_checkpoint give the path"
)


def recognise(program: Program) -> Iterator[Way | Gap]:
    if not program.uses("accelerate"):
        return
    loads = [
        (source, call)
        for source in program.sources
        for call in source.calls
        if called(call).endswith(".load_state") and "accel" in called(call).lower()
    ]
    for source, call in loads:
        place = argument(call, 0, "input_dir")
        found = origins(program, source, place)
        words = f"accelerator.load_state() at {source.place(call)}"
        flags = named_flags(found)
        for flag in flags:
            yield by_flag(flag, words, 95)
        if not flags:
            reason = "accelerator.load_state() looks in the project's own folder"
            yield put_back(reason, source, call, 70)
    if not loads and program.mentions(".save_state("):
        source = next(source for source in program.sources if ".save_state(" in source.text)
        saves = [call for call in source.calls if called(call).endswith(".save_state")]
        for call in saves[:1]:
            yield Gap("states are saved and never loaded again", source.place(call), _REMEDY, 60)
