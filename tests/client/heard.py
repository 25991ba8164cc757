"""What a command says on stderr: line by line while it runs, and whole once it has ended."""

from __future__ import annotations

import subprocess
import threading

from tests.live import PATIENCE_S


class Heard(list[str]):
    """Its lines so far, so that a test may act on one."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self._process = process
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stderr or ():
            self.append(line.decode())

    def whole(self, code: int) -> str:
        """All that was said, once the command has ended with this code."""
        assert self._process.wait(PATIENCE_S) == code
        self._reader.join(PATIENCE_S)
        return "".join(self)
