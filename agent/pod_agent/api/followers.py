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
COMES_BACK_S = 3600.0  # a client that was cut off, perhaps with all of RunPod, asks on every second


class Follower:
    """One following answer. ``wake`` is set when there may be something to do; ``position``: sent up to there."""

    def __init__(self, log: str = "", position: int = 0) -> None:
        self.wake = asyncio.Event()
        self.owed = True  # until the first look found nothing to send
        self.log = log
        self.position = position


class Followers:
    """All of them. ``monotonic`` is the clock."""

    def __init__(self, monotonic: Callable[[], float], most: int = MOST) -> None:
        self.finishing = False
        self._monotonic = monotonic
        self._most = most
        self._active: set[Follower] = set()
        self._cut: list[tuple[Follower, float]] = []  # and when
        self._back_until = float("-inf")  # who was cut off with bytes to come is waited for until then
        self._whole: tuple[str, int] | None = None  # the log that has ended, and its size
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
        back = next((one for one in reversed(self._cut) if one[0].log == follower.log), None)
        if back is not None:
            self._cut.remove(back)

    def remove(self, follower: Follower, *, completed: bool, cut: bool = False) -> None:
        """``completed``: it got everything, and its client is going to ask how the job ended. ``cut``: it was lost."""
        self._active.discard(follower)
        if completed:
            self._last_end = self._monotonic()
        if cut:
            self._cut = [*self._cut, (follower, self._monotonic())][-self._most :]

    def status_was_read(self, *, final: bool) -> None:
        """``final``: it told the outcome."""
        self._last_status = self._monotonic()
        self._final_was_read = final

    def status_read_since(self, moment: float) -> bool:
        """Whether somebody has asked for the status after this moment of ``monotonic``."""
        return self._last_status >= moment

    def finish(self, log: str = "", size: int = 0) -> None:
        """This log is whole. Who has all of it is let go; who polls the status, or was cut off, is waited for once."""
        self.finishing = True
        now = self._monotonic()
        self._whole = (log, size)
        self._back_until = now + READS_STATUS_WITHIN_S
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
        if self._is_missed() and self._monotonic() < self._back_until:
            return True
        unread = self._last_end > self._last_status
        return unread and self._monotonic() - self._last_end < READS_STATUS_WITHIN_S

    def _is_missed(self) -> bool:
        """Whether somebody was cut off before the end of the log, not too long ago, and has not come back."""
        if self._whole is None:
            return False
        log, size = self._whole
        since = self._monotonic() - COMES_BACK_S
        return any(one.log == log and one.position < size and at > since for one, at in tuple(self._cut))
