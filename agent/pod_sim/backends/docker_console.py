"""Copies what a container writes from the Docker Engine to the pod's console, each byte once, in a thread of its own.

How much is copied lies beside the console, so that a later simulator goes on where a killed one ended.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from pod_wire.errors import PodError

if TYPE_CHECKING:
    from pathlib import Path

    from pod_sim.backends.docker_engine import Engine

MARK = "console.copied"
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
        mark = os.open(self._folder / MARK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            copied, place = _copied(mark, self._id), 0
            for piece in self._engine.output(self._id, follow=follow):
                fresh = piece[max(0, copied - place) :]
                place += len(piece)
                if fresh:
                    self._append(fresh)
                    copied = place
                    os.pwrite(mark, f"{self._id} {copied:020d}\n".encode(), 0)
        finally:
            os.close(mark)

    def _append(self, data: bytes) -> None:
        path = self._folder / "console.log"
        console = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(console, "wb") as file:
            file.write(data)


def _copied(mark: int, container_id: str) -> int:
    """How many bytes of this very container are on the console."""
    words = os.pread(mark, 200, 0).decode("ascii", "replace").split()
    return int(words[1]) if len(words) == 2 and words[0] == container_id and words[1].isdecimal() else 0  # noqa: PLR2004
