"""Slow look-ups of which one at a time is enough: who asks meanwhile gets the same answer, and nobody waits for ever.

On a mount that hangs, one thread hangs with it, however often it is asked.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from pod_agent.api.desk import Desk
from pod_wire.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
PATIENCE_S = 8.0  # less than a client waits for an answer


class Shared(Generic[T]):
    """Lives in the event loop's thread; the work itself has a thread of its own."""

    def __init__(self, name: str, patience_s: float = PATIENCE_S) -> None:
        self._desk = Desk(name, 1)
        self._patience_s = patience_s
        self._running: asyncio.Task[T] | None = None

    async def ask(self, what: str, work: Callable[[], T]) -> T:
        """The answer of a look-up that begins now, or was under way. ``what`` names it where it takes too long."""
        task = self._running
        if task is None:
            task = asyncio.ensure_future(self._desk.do(work))
            task.add_done_callback(self._over)
            self._running = task
        try:
            return await asyncio.wait_for(asyncio.shield(task), self._patience_s)
        except TimeoutError:
            error = Unreachable(
                f"cannot {what}: the workspace has not answered for {self._patience_s:g} seconds",
                "it may be a network mount that hangs; ask again, and see /status",
            )
            error.status = 503
            raise error from None

    def close(self) -> None:
        self._desk.close()

    def _over(self, task: asyncio.Task[T]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()  # whoever still waited has got it
