"""A look at something that may never answer: in a thread of its own, waited for as long as the asker likes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Look(Generic[T]):
    """Begun at once. One that hangs is left behind: its thread ends with the agent."""

    def __init__(self, name: str, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._done = threading.Event()
        self._found: list[T] = []
        self.error: Exception | None = None
        threading.Thread(target=self._run, name=f"look-{name}", daemon=True).start()

    def within(self, seconds: float) -> T | None:
        """What was found; None when it failed, or is still looking."""
        self._done.wait(max(0.0, seconds))
        return self._found[0] if self._found else None

    @property
    def is_over(self) -> bool:
        return self._done.is_set()

    def _run(self) -> None:
        try:
            self._found.append(self._ask())
        except Exception as error:  # noqa: BLE001 - a thread's top: whoever waits gets nothing, and may ask why
            self.error = error
        finally:
            self._done.set()
