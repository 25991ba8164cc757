"""A history that fails, made smaller: what happens is left out piece by piece, as long as the same goes wrong.

Not here: what goes wrong (``invariants``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from tests.agent.histories.history import History

MOST_PLAYS = 120
NUMBERS = re.compile(r"[0-9a-f]{12,}|[-+]?\d+(\.\d+)?")


def kind(lines: list[str]) -> str:
    """What went wrong, without the figures."""
    return NUMBERS.sub("N", lines[-1][11:])[:60] if lines else ""


def smaller(
    history: History, found: list[str], play: Callable[[History], list[str]]
) -> tuple[History, list[str]]:
    """The smallest that was found, and its story."""
    wanted, plays = kind(found), 0
    is_better = True
    while is_better and plays < MOST_PLAYS:
        is_better = False
        for i in reversed(range(len(history.happenings))):
            left = (*history.happenings[:i], *history.happenings[i + 1 :])
            if not left or plays >= MOST_PLAYS:
                continue
            plays += 1
            lines = play(replace(history, happenings=left))
            if kind(lines) == wanted:
                history, found, is_better = replace(history, happenings=left), lines, True
    return history, found
