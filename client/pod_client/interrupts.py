"""A command that is ended in any way ends as by Ctrl-C: what it began is undone. Nothing acts on import.

Python drops an exception that a signal raises amid a callback or a destructor. So the wish to end is remembered, and
heard at the next wait. And a signal that comes just before the main thread begins to wait for the network does not end
that wait: ``Unheard`` tells another thread, which does.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

from pod_wire.clock import RealClock

if TYPE_CHECKING:
    from types import FrameType
    from typing import Self

_unheard: set[int] = set()


class WaitingClock(RealClock):
    """Waits, but not for a command that was told to end."""

    def sleep(self, seconds: float) -> None:
        if _unheard:
            _unheard.clear()
            if not _is_being_undone():
                raise KeyboardInterrupt
        super().sleep(seconds)


class Unheard:
    """Signals that the interpreter has noted, and that the main thread may not have answered yet.

    A context of the main thread; elsewhere it hears nothing, as Python answers signals in that one alone.
    """

    def __enter__(self) -> Self:
        import socket  # noqa: PLC0415 - `--help` does without

        self._ours, self._noted = socket.socketpair()  # Windows takes no pipe
        self._ours.settimeout(0)
        self._noted.settimeout(0)
        self._is_main = threading.current_thread() is threading.main_thread()
        self._before = signal.set_wakeup_fd(self._noted.fileno()) if self._is_main else -1
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_main:
            signal.set_wakeup_fd(self._before)
        self._ours.close()
        self._noted.close()

    def came(self) -> bool:
        """Whether one has come since this was asked last. Any thread's."""
        try:
            return bool(self._ours.recv(4096))
        except OSError:  # none, or it is over
            return False


def end_as_by_ctrl_c() -> None:
    """Also when the terminal is closed: a launch that is ended leaves nothing billed."""
    for number in _ends():
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """Once: a shell says HUP twice, and the second must not break off what the first began. Ctrl-C still can."""
    for each in _ends():
        signal.signal(each, signal.SIG_IGN)
    _unheard.add(number)
    raise KeyboardInterrupt


def _is_being_undone() -> bool:
    """Whether the interrupt arrived: somebody up the stack is answering it."""
    answered = sys.exc_info()[1]
    while answered is not None and not isinstance(answered, KeyboardInterrupt):
        answered = answered.__context__
    return answered is not None


def _ends() -> tuple[int, ...]:
    return (signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGTERM,)
