"""Who asks for the status again and again, and has yet to see how the job ended. Changed in the server's loop only.

A reader is known by the header it sends; those that send none are one. Not here: how long anybody waits for them.
"""

from __future__ import annotations

from pod_wire.frozen import dataclass

MOST = 64
NEVER = float("-inf")
LATE_S = 1.0  # beyond one and a half of its own pauses


@dataclass(frozen=True, slots=True)
class Look:
    """A reader's last look at the status, and how long before it the one before was."""

    at: float
    gap_s: float | None
    saw_end: bool

    def is_due(self, now: float) -> bool:
        """Whether it looks again soon, by its own rhythm: one look alone is none."""
        return not self.saw_end and self.gap_s is not None and now - self.at <= 1.5 * self.gap_s + LATE_S


class Readers:
    def __init__(self) -> None:
        self._looks: dict[str, Look] = {}

    def looked(self, who: str, at: float, *, final: bool) -> None:
        """``final``: it was told the outcome."""
        before = self._looks.pop(who, None)
        self._looks[who] = Look(at, None if before is None else at - before.at, final)
        if len(self._looks) > MOST:
            self._looks.pop(next(iter(self._looks)))

    def last(self) -> float:
        """When anybody looked last."""
        return max((look.at for look in tuple(self._looks.values())), default=NEVER)

    def unaware_since(self, moment: float) -> frozenset[str]:
        """Who has looked after this moment and not seen the end."""
        return frozenset(
            who for who, look in tuple(self._looks.items()) if look.at > moment and not look.saw_end
        )

    def is_awaited(self, now: float) -> bool:
        """Whether somebody who keeps looking is about to see the end."""
        return any(look.is_due(now) for look in tuple(self._looks.values()))
