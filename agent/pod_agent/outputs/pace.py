"""How often a folder is looked at: about once a second, more seldom where looking takes long or nothing happens.

Not here: looking. Times are seconds of any clock that only goes forward.
"""

from __future__ import annotations

from collections import deque

LOOK_S = 1.0
_LONGEST_S = 30.0  # also where every event is heard and there was none
_AFTER = 3  # walks at the usual pace after one: what was met is told of after two equal looks
_SHARE = 200  # a look may take one part in this many of the time
_QUICK_S = 0.02  # a walk that takes no longer may be made for a new name,
_NEW_SHARE = 20  # in one part of so many of the time: a program may write a thousand files a second
_OF = 3  # one that took long alone tells of a machine that was busy: of so many the quickest counts


class Pace:
    """When the next walk over everything is due, and the next look at what is known to change."""

    def __init__(self) -> None:
        self._walks: deque[float] = deque(maxlen=_OF)
        self._looks: deque[float] = deque(maxlen=_OF)
        self._next_walk = self._next_look = self._next_new = 0.0
        self._usual = 0.0  # when the next walk would be due if something happened
        self._left = _AFTER

    def is_walk_due(self, now: float) -> bool:
        return now >= self._next_walk

    def rest_s(self, now: float) -> float:
        """Until either is due; not above zero when one is."""
        return min(self._next_walk, self._next_look) - now

    def stirred(self) -> None:
        """Something was written, put in place or made: walks come at their usual pace for a while."""
        self._left = _AFTER
        self._next_walk = min(self._next_walk, self._usual)

    def walked(self, began: float, ended: float, *, hears_all: bool = False, awaits: bool = True) -> None:
        """``hears_all`` when nothing can happen without `stirred`; ``awaits`` when something was met half-written."""
        self._walks.append(ended - began)
        self._left -= 1
        self._usual = ended + _pause_s(self._walks)
        is_quiet = hears_all and self._left <= 0
        self._next_walk = ended + _LONGEST_S if is_quiet else self._usual
        self._next_look = ended + LOOK_S if awaits or not is_quiet else self._next_walk

    def looked(self, began: float, ended: float) -> None:
        self._looks.append(ended - began)
        self._next_look = ended + _pause_s(self._looks)

    def may_walk_for_a_name(self, now: float) -> bool:
        """Whether a walk between the others may be made, for a file that nobody knows."""
        walk_s = min(self._walks, default=_QUICK_S)
        if walk_s >= _QUICK_S or now < self._next_new:
            return False
        self._next_new = now + _NEW_SHARE * walk_s
        return True


def _pause_s(spent: deque[float]) -> float:
    quickest = min(spent) if len(spent) == _OF else 0.0
    return min(max(LOOK_S, _SHARE * quickest), _LONGEST_S)
