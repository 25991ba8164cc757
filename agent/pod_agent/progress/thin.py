"""What need not be looked at one by one: of many lines alike, and of a series that only goes on, the two ends. Pure.

A training may print a hundred lines a second, and they are read once in two. Not here: reading them (``recognise``).
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from pod_agent.progress.reading import Began, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pod_agent.progress.lines import Line

ENOUGH = 12  # lines of one look that are all read
RARE = 3  # lines of one shape: an epoch's, an evaluation's, a header's
LOOKED_AT = 120  # letters
_VARIES = str.maketrans("", "", "0123456789.+-: \u258f\u258e\u258d\u258c\u258b\u258a\u2589\u2588#")


def lines(told: Sequence[Line]) -> list[Line]:
    """In their order: every line of a rare shape, and between two such lines the first and the last of each other."""
    if len(told) <= ENOUGH:
        return list(told)
    shapes = [(line.nested, line.text[:LOOKED_AT].translate(_VARIES)) for line in told]
    often = Counter(shapes)
    kept: set[int] = set()
    last: dict[tuple[bool, str], int] = {}
    for i, shape in enumerate(shapes):
        if often[shape] <= RARE:
            kept.update((i, *last.values()))
            last = {}
            continue
        if shape not in last:
            kept.add(i)
        last[shape] = i
    kept.update(last.values())
    return [told[i] for i in sorted(kept)]


def readings(found: Sequence[Reading | Began | None]) -> list[Reading | Began]:
    """In their order: where a series goes on as it did, its first reading and its last."""
    kept: list[Reading | Began | None] = []
    ends: dict[
        tuple[str, int], tuple[int, bool]
    ] = {}  # where a series stands, and whether the next replaces it
    for one in found:
        if one is None:
            continue
        kept.append(one)
        if isinstance(one, Began) or one.step is None:
            ends = {}
            continue
        key = (one.source.value, one.rank)
        place, is_spare = ends.get(key, (-1, False))
        before = kept[place] if place >= 0 else None
        goes_on = isinstance(before, Reading) and _goes_on(before, one)
        if goes_on and is_spare:
            kept[place] = None
        ends[key] = (len(kept) - 1, goes_on)
    return [one for one in kept if one is not None]


def _goes_on(before: Reading, now: Reading) -> bool:
    """Whether nothing but the figures has moved on."""
    if before.step is None or now.step is None or now.step < before.step:
        return False
    return _face(before) == _face(now)


def _face(one: Reading) -> tuple[object, ...]:
    return (
        one.total,
        None if one.epoch is None or not math.isfinite(one.epoch) else int(one.epoch),
        one.epochs,
        one.per_epoch,
        None if one.loss is None else math.isfinite(one.loss),
        [name for name, _ in one.scalars],
    )
