"""The log's way out: straight to file descriptor 1, whole, never decoded.

A pipe that nobody reads any more raises BrokenPipeError; who follows ends quietly then.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Protocol

from pod_wire.errors import PodError

if TYPE_CHECKING:
    from pod_client.folding import Fold


STDOUT, STDERR = 1, 2


class Sink(Protocol):
    """Where the log's bytes go."""

    def write(self, data: bytes) -> None:
        """All of them, before it returns."""

    def close(self) -> None:
        """Let go of what was held back."""


class Stdout:
    def __init__(self, fold: Fold, descriptor: int = STDOUT) -> None:
        self._fold = fold
        self._descriptor = descriptor
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - exists there only

            msvcrt.setmode(descriptor, os.O_BINARY)

    def write(self, data: bytes) -> None:
        self._write_all(self._fold.feed(data))

    def close(self) -> None:
        self._write_all(self._fold.rest())

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:  # a terminal that another program set to non-blocking
                time.sleep(0.005)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise PodError(f"cannot write the log to stdout: {error.strerror}") from None


class Nowhere:
    """For --json: the log is not shown."""

    def write(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


def silence(descriptor: int) -> None:
    """After a broken pipe: what the interpreter flushes on its way out must not fail again."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)


def silence_stdout() -> None:
    silence(STDOUT)
