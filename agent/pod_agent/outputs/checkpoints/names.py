"""What names tell: a step, and that something is one of a series. Names only, nothing is opened."""

from __future__ import annotations

import re

NUMBERED = re.compile(
    r"(?:^|[^a-z])(?:checkpoints?|ckpts?|snapshots?|states?|global[-_]?steps?|steps?|iter(?:ation)?s?|epochs?|ep)[-_=.]?\d+$",
    re.IGNORECASE,
)  # fmt: skip
_STEPS = tuple(
    re.compile(rf"(?:^|[^a-z])(?:{words})[-_=]?(\d+)", re.IGNORECASE)
    for words in (
        "global[-_]?step|steps?",
        "iter|iters|iteration|it",
        "checkpoint|ckpt|snapshot|state",
        "epoch|ep|e",
    )
)


def step_of(name: str) -> int | None:
    """The step that a name tells: a step before an iteration before an epoch. A bare number is one."""
    for pattern in _STEPS:
        numbers = pattern.findall(name)
        if numbers:
            return int(numbers[-1])
    return int(name) if name.isdecimal() and name.isascii() else None
