"""Which known name was probably meant. Pure: strings in, a name or nothing out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.variable import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONG = 6  # names with this many letters after POD_ forgive a second mistake


def distance(left: str, right: str) -> int:
    """Edits between two words: one letter added, left out, changed, or two neighbours swapped."""
    before: list[int] = []
    last = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        line = [i]
        for j, b in enumerate(right, 1):
            cost = min(last[j] + 1, line[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            line.append(cost)
        before, last = last, line
    return last[-1]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` is a slip of: one edit off, or two where the known one is long."""
    best: tuple[int, str] | None = None
    for candidate in sorted(known):
        letters = len(candidate.upper().removeprefix(PREFIX))
        allowed = 2 if letters >= _LONG else 1
        if abs(len(candidate) - len(name)) > allowed:
            continue
        edits = distance(name.upper(), candidate.upper())
        if edits <= allowed and (best is None or edits < best[0]):
            best = (edits, candidate)
    return best[1] if best else None
