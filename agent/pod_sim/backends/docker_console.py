"""Copies what a container writes from the Docker Engine to the pod's console, each byte once, in a thread of its own.

How much is copied lies beside the console, noted before and after each piece, so that a later simulator goes on with
the very byte at which a killed one ended.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING

from pod_wire.errors import PodError

if TYPE_CHECKING:
    from pathlib import Path

    from pod_sim.backends.docker_engine import Engine

MARK = "console.copied"
WORDS = (
    4  # of a mark: the container, bytes copied before and after the last piece, the console's size before it
)
log = logging.getLogger("pod_sim")


class Pump(threading.Thread):
    """One container's output, from its creation on; over when the container has stopped and all is copied."""

    def __init__(self, engine: Engine, container_id: str, folder: Path) -> None:
        super().__init__(name=f"console {folder.name}", daemon=True)
        self._engine = engine
        self._id = container_id
        self._folder = folder

    def run(self) -> None:
        try:
            self.copy(follow=True)
            self.copy(follow=False)  # the last words, should the engine have ended the stream before them
        except (PodError, OSError) as error:
            log.error("pod=%s console=broken reason=%s", self._folder.name, error)  # noqa: TRY400 (expected words)

    def copy(self, *, follow: bool) -> None:
        """Append what is not on the console yet."""
        with contextlib.ExitStack() as closing:
            mark = _opened(self._folder / MARK, os.O_RDWR, closing)
            console = _opened(self._folder / "console.log", os.O_WRONLY | os.O_APPEND, closing)
            copied, place = self._copied(mark, console), 0
            for piece in self._engine.output(self._id, follow=follow):
                fresh = piece[max(0, copied - place) :]
                place += len(piece)
                if fresh:
                    self._note(mark, console, copied, place)
                    self._append(console, fresh)
                    copied = place
                    self._note(mark, console, copied, copied)

    def _append(self, console: int, data: bytes) -> None:
        while data:
            data = data[os.write(console, data) :]

    def _note(self, mark: int, console: int, before: int, after: int) -> None:
        """So much is on the console, and so much is about to be."""
        words = f"{self._id} {before:020d} {after:020d} {os.fstat(console).st_size:020d}\n"
        os.pwrite(mark, words.encode(), 0)

    def _copied(self, mark: int, console: int) -> int:
        """How many bytes of this very container are on the console."""
        words = os.pread(mark, 300, 0).decode("ascii", "replace").split()
        if len(words) != WORDS or words[0] != self._id or not all(map(str.isdecimal, words[1:])):
            return 0
        before, after, size = map(int, words[1:])
        return before + min(
            max(os.fstat(console).st_size - size, 0), after - before
        )  # of a piece that was begun


def _opened(path: Path, flags: int, closing: contextlib.ExitStack) -> int:
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
    closing.callback(os.close, descriptor)
    return descriptor
