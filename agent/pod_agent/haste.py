"""TERM at the agent: RunPod kills five seconds later, so what is usually patient has only what is left of them.

The training is hurried here and at once, by the thread that hears signals: the loop may just be waiting for a mount.
Not here: what TERM means for the job (``run.exits``), nor the leaving itself (``life``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_wire.clock import Clock

# How long somebody is waited for, and until when after TERM at the latest; without TERM the first, or more.
FOLLOWERS_S, FOLLOWERS_BY_S = (
    1.0,
    3.6,
)  # their rest is sent at once, the question how it ended is a round trip
MIRROR_S, MIRROR_BY_S = 1.0, 3.9
RECEIPT_S, RECEIPT_BY_S = 1.0, 4.0
SERVICES_S, SERVICES_BY_S = 1.5, 4.2


class Haste:
    """``hear`` may be called by any thread, and again. ``deeds`` are what cannot wait for the loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None

    def hearing(self, tell: Callable[[], None], *deeds: Callable[[], None]) -> Callable[[], None]:
        """What to do at TERM: remember when, the deeds, and then tell the loop."""

        def hear() -> None:
            if self._since is None:
                self._since = self._clock.monotonic()
            for deed in deeds:
                deed()
            tell()

        return hear

    def for_followers(self, usual_s: float) -> float:
        """How long somebody may be waited for who is owed the end of the log."""
        return self._least(usual_s, FOLLOWERS_S, FOLLOWERS_BY_S)

    def for_mirror(self) -> float:
        """How long the container's stdout may take the log's last bytes."""
        return self._least(MIRROR_S, MIRROR_S, MIRROR_BY_S)

    def for_receipt(self) -> float:
        """How long a slow workspace may take the receipt that is being written."""
        return self._least(RECEIPT_S, RECEIPT_S, RECEIPT_BY_S)

    def for_services(self) -> float:
        """How long services get to end; the container's end takes what is left."""
        return self._least(SERVICES_S, SERVICES_S, SERVICES_BY_S)

    def _least(self, usual_s: float, hasty_s: float, by_s: float) -> float:
        if self._since is None:
            return usual_s
        return max(0.0, min(usual_s, hasty_s, self._since + by_s - self._clock.monotonic()))
