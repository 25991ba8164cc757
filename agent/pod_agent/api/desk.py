"""A few daemon threads that do blocking work for the event loop.

The standard library's pool is joined when the interpreter exits: one read on a hung mount would hold the
agent for ever. These threads are not waited for, and ``/healthz`` and ``/status`` never come here.
"""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Desk:
    """Up to ``size`` threads, started as they are needed. Work beyond that waits its turn."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._threads = 0
        self._waiting = 0  # only touched in the event loop's thread
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    async def do(self, work: Callable[[], T]) -> T:
        """Run ``work`` in one of the threads; its answer or its exception comes back here."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._waiting += 1
        if self._waiting > self._threads and self._threads < self._size:
            self._threads += 1
            threading.Thread(target=self._serve, name=f"{self._name}-{self._threads}", daemon=True).start()
        self._work.put(lambda: _do(work, answer, loop))
        try:
            return await answer
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let idle threads end. One that hangs is left behind."""
        for _ in range(self._threads):
            self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def _do(work: Callable[[], T], answer: asyncio.Future[T], loop: asyncio.AbstractEventLoop) -> None:
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - a thread's top: whatever went wrong belongs to who asked
        failed = error
        _post(loop, lambda: None if answer.done() else answer.set_exception(failed))
    else:
        _post(loop, lambda: None if answer.done() else answer.set_result(result))


def _post(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Nobody listens any more once the loop is closed."""
    if not loop.is_closed():
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:  # closed between the two lines
            return
