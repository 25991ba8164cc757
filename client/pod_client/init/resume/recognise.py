"""Asks every recogniser, and puts what they found in order. Adding a framework is one file and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.init.resume import (
    accelerate,
    distributed,
    environment,
    lightning,
    managers,
    modes,
    own_format,
    trainer,
)
from pod_client.init.resume.way import Gap, Way
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_client.init.program import Program
    from pod_client.init.resume.way import Recogniser

RECOGNISERS: tuple[Recogniser, ...] = (
    environment.recognise,
    trainer.recognise,
    accelerate.recognise,
    lightning.recognise,
    modes.recognise,
    distributed.recognise,
    managers.recognise,
    own_format.recognise,
)
LEAST = 45  # what is less sure is named, and not written as a setting


@dataclass(frozen=True, slots=True)
class Resuming:
    """``way`` is what is written; ``others`` are named in comments; ``gap`` says why there is none."""

    way: Way | None
    others: tuple[Way, ...]
    gap: Gap | None


def recognise(program: Program) -> Resuming:
    found = [one for each in RECOGNISERS for one in each(program)]
    ways = sorted((one for one in found if isinstance(one, Way)), key=lambda way: -way.weight)
    gaps = sorted((one for one in found if isinstance(one, Gap)), key=lambda gap: -gap.weight)
    distinct: list[Way] = []
    for way in ways:
        if way.text not in {other.text for other in distinct}:
            distinct.append(way)
    best = distinct[0] if distinct and distinct[0].weight >= LEAST else None
    if best is not None and gaps and gaps[0].weight > best.weight:
        best = None  # the framework's own call begins anew, whatever else the program can load
    others = tuple(way for way in distinct if way is not best)
    return Resuming(best, others[:3], gaps[0] if gaps and best is None else None)
