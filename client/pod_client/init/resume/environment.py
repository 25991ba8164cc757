"""Programs that read POD_RESUME_FROM, which every attempt after a checkpoint gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.init.resume.way import PUT_BACK, Gap, Way
from pod_client.init.source import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.program import Program

VARIABLE = "POD_RESUME_FROM"


def recognise(program: Program) -> Iterator[Way | Gap]:
    for source in program.sources:
        at = source.text.find(VARIABLE)
        if at >= 0:
            place = Place(source.name, source.text.count("\n", 0, at) + 1)
            yield Way(PUT_BACK, f"the program reads {VARIABLE} ({place})", place, 99)
