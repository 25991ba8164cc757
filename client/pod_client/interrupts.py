"""A command that is ended in any way ends as by Ctrl-C: what it began is undone. Nothing acts on import.

Python drops an exception that a signal raises amid a callback or a destructor. So the wish to end is remembered, and
heard at the next wait.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from pod_wire.clock import RealClock

if TYPE_CHECKING:
    from types import FrameType

_unheard: set[int] = set()


class WaitingClock(RealClock):
    """Waits, but not for a command that was told to end."""

    def sleep(self, seconds: float) -> None:
        if _unheard:
            _unheard.clear()
            if not _is_being_undone():
                raise KeyboardInterrupt
        super().sleep(seconds)


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
