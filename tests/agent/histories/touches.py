"""Death between two touches of a file: the interpreter's own audit events tell of each, before it happens.

Nothing is patched: a hook of the interpreter raises in whoever is to die. Not here: who dies when (``history``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

TOUCHES = frozenset({"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.truncate"})


class Died(BaseException):
    """Its process was killed: nothing of it goes on, and no handler of the product's catches it."""


class Mortal:
    """``touches_left``: it dies when it has touched a file for so many times more."""

    def __init__(self):
        self.is_alive = True
        self.touches_left: int | None = None


class Hook:
    """One for the interpreter, as a hook can never be taken out again. ``acting``: whose code runs now."""

    def __init__(self):
        self.acting: Mortal | None = None
        self._is_in = False

    def begin(self) -> None:
        if not self._is_in:
            self._is_in = True
            sys.addaudithook(self._heard)

    @contextmanager
    def of(self, mortal: Mortal) -> Iterator[None]:
        before, self.acting = self.acting, mortal
        try:
            yield
        finally:
            self.acting = before

    def _heard(self, event: str, _args: object) -> None:
        acting = self.acting
        if acting is None or event not in TOUCHES:
            return
        if not acting.is_alive:
            raise Died
        if acting.touches_left is not None:
            acting.touches_left -= 1
            if acting.touches_left < 0:
                raise Died


HOOK = Hook()
