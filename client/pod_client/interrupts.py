"""A command that is ended in any way ends as by Ctrl-C: what it began is undone. Nothing acts on import."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def end_as_by_ctrl_c() -> None:
    """Also when the terminal is closed: a launch that is ended leaves nothing billed."""
    for number in _ends():
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Once: a shell says HUP twice, and the second must not break off what the first began. Ctrl-C still can."""
    for number in _ends():
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _ends() -> tuple[int, ...]:
    return (signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGTERM,)
