"""Who follows a log at the moment, and whether the agent still owes somebody something before it may go.

Changed only in the server's event loop; ``owed`` and ``finish`` may be called from any thread.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 64
READS_STATUS_WITHIN_S = 3.0  # a client whose stream has ended asks for the status next


class Follower:
    """One following answer. ``wake`` is set when there may be something to do."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.owed = True  # until the first look found nothing to send


class Followers:
    """All of them. ``monotonic`` is the clock."""

    def __init__(self, monotonic: Callable[[], float], most: int = MOST) -> None:
        self.finishing = False
        self._monotonic = monotonic
        self._most = most
        self._active: set[Follower] = set()
        self._last_end = float("-inf")
        self._last_status = float("-inf")
        self._final_was_read = False
        self._awaited_until = float("-inf")  # somebody who polls the status is about to ask for the last one

    def __len__(self) -> int:
        return len(self._active)

    def __bool__(self) -> bool:
        return True

    @property
    def is_full(self) -> bool:
        return len(self._active) >= self._most

    def add(self, follower: Follower) -> None:
        self._active.add(follower)

    def remove(self, follower: Follower, *, completed: bool) -> None:
        """``completed``: it got everything, and its client is going to ask how the job ended."""
        self._active.discard(follower)
        if completed:
            self._last_end = self._monotonic()

    def status_was_read(self, *, final: bool) -> None:
        """``final``: it told the outcome."""
        self._last_status = self._monotonic()
        self._final_was_read = final

    def status_read_since(self, moment: float) -> bool:
        """Whether somebody has asked for the status after this moment of ``monotonic``."""
        return self._last_status >= moment

    def followed_since(self, moment: float) -> bool:
        """Whether somebody follows a log, or has done so or asked for the status after this moment."""
        return bool(self._active) or max(self._last_status, self._last_end) >= moment

    def finish(self) -> None:
        """From now on a follower that has everything is let go, and who polls the status is waited for once."""
        self.finishing = True
        now = self._monotonic()
        if now - self._last_status < READS_STATUS_WITHIN_S:
            self._awaited_until = now + READS_STATUS_WITHIN_S

    def wake(self) -> None:
        """Make every follower look again."""
        for follower in self._active:
            follower.wake.set()

    def owed(self) -> bool:
        """Whether bytes, or the final status, have yet to reach somebody."""
        active = tuple(self._active)
        if any(follower.owed for follower in active) or (self.finishing and active):
            return True
        if not self._final_was_read and self._monotonic() < self._awaited_until:
            return True
        unread = self._last_end > self._last_status
        return unread and self._monotonic() - self._last_end < READS_STATUS_WITHIN_S
