"""The terminals of this pod: when each was last typed into, and a line written on each before a stop.

The kernel moves a terminal's access time when a program reads what was typed, and its modification time when a program
writes: so output is never taken for input. Needs no utmp, which containers lack.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from pod_agent.pod.idle.signs import Gap, State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NONE = Gap(State.ABSENT, "This container has no terminals.")
UNREADABLE = Gap(State.UNKNOWN, "The terminals cannot be read.")


def read(folder: Path) -> Mapping[str, float] | Gap:
    """By name, the moment of the last input, by the wall clock."""
    try:
        with os.scandir(folder) as entries:
            return {f"pts/{one.name}": at for one in entries if (at := _typed_at(one)) is not None}
    except FileNotFoundError:
        return NONE
    except OSError:
        return UNREADABLE


def tell(folder: Path, text: str) -> None:
    """A line on every terminal. One that takes nothing is passed over; nobody waits."""
    try:
        names = [name for name in os.listdir(folder) if name.isdigit()]  # noqa: PTH208 - the same
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            fd = os.open(folder / name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(fd, f"\r\n{text}\r\n".encode())
            finally:
                os.close(fd)


def _typed_at(entry: os.DirEntry[str]) -> float | None:
    """None for what is no terminal, or has gone meanwhile."""
    if not entry.name.isdigit():
        return None
    try:
        return entry.stat().st_atime
    except OSError:
        return None
