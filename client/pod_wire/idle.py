"""What a pod says of its idle brake, and what it is asked: to be kept for a while. Values and their strict reading.

Not here: deciding whether a pod is idle (the agent's), and how it looks on a screen.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from pod_wire.errors import BadInput, Mistake
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_S: Final = 7 * 86_400.0  # a lease is to be renewed: a forgotten one costs a week at most
MOST_WORDS: Final = 300
_HOUR_S: Final = 3600.0
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": _HOUR_S, "d": 86_400.0}
_FIELDS: Final = ("hours", "seconds", "because")


@dataclass(frozen=True, slots=True)
class Sign:
    """One signal. ``state`` is busy, idle, unknown or not available; a newer agent may know more words."""

    name: str
    state: str
    because: str = ""  # one sentence
    value: str | None = None
    limit: str | None = None  # from which value on it counts as busy
    since: float | None = None  # when it came to be in this state
    holds_until: float | None = None  # the pod does not stop before, for its sake


@dataclass(frozen=True, slots=True)
class Keep:
    """A lease: idleness does not stop the pod before ``until``."""

    until: float
    given_at: float
    because: str = ""


@dataclass(frozen=True, slots=True)
class IdleStatus:
    """The idle brake at one moment. Times are seconds since the epoch."""

    minutes: float  # 0: off
    human_minutes: float  # after somebody was here
    because: str  # why it stops then, or why not, in one sentence
    stops_at: float | None = None  # if nothing more happens; None: not for idleness
    idle_since: float | None = None
    signs: tuple[Sign, ...] = ()
    keeps: tuple[Keep, ...] = ()


@dataclass(frozen=True, slots=True)
class KeepAsk:
    """Keep the pod for so long; 0 seconds end every lease."""

    seconds: float
    because: str = ""


@dataclass(frozen=True, slots=True)
class KeepAnswer:
    """The leases that stand now."""

    keeps: tuple[Keep, ...] = ()
    format: int = 1


def read_keep(body: Mapping[str, object]) -> KeepAsk:
    """The ask of a request's body; BadInput names every mistake in it."""
    mistakes = [
        Mistake(name, "is unknown", f"there are {', '.join(_FIELDS)}") for name in body if name not in _FIELDS
    ]
    given = [name for name in ("hours", "seconds") if body.get(name) is not None]
    seconds = 0.0
    if len(given) != 1:
        mistakes.append(Mistake("hours", "is needed, or seconds, and not both", "e.g. 2"))
    else:
        number = _number(body[given[0]])
        seconds = number * (_HOUR_S if given[0] == "hours" else 1.0)
        if not 0 <= seconds <= MOST_S:
            mistakes.append(Mistake(given[0], "must be a number from 0 to a week", "0 ends every lease"))
    because = body.get("because", "")
    if not isinstance(because, str) or len(because) > MOST_WORDS or not because.isprintable():
        mistakes.append(Mistake("because", f"must be one line of at most {MOST_WORDS} letters"))
    if mistakes:
        raise BadInput("cannot keep the pod", tuple(mistakes))
    return KeepAsk(seconds, str(because).strip())


def read_span(text: str) -> float:
    """Seconds of 90s, 30m, 2h or 1d."""
    found = _SPAN.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found is not None else math.nan
    if not 0 < seconds <= MOST_S:
        raise BadInput("cannot understand for how long", hint="write 30m, 2h or 1d; at most 7d")
    return seconds


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan
