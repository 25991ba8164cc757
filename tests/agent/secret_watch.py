"""Looks for planted secrets where others could read them: every process's arguments, and files."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Self


class SecretWatch:
    """Looks again and again while it is entered: at all arguments, and at the files of running syncs."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.found: set[str] = set()
        self.looks = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def below(self, *tops: Path) -> list[Path]:
        """Files below these folders whose name or content holds one."""
        files = [path for top in tops for path in top.rglob("*") if path.is_file() and not path.is_symlink()]
        return [path for path in files if self._holds(path) or self._has(str(path).encode())]

    def _run(self) -> None:
        while not self._over.wait(0.005):
            self.looks += 1
            self._look(path / "cmdline" for path in Path("/proc").iterdir() if path.name.isdigit())
            for folder in Path(tempfile.gettempdir()).glob("p*k*-*"):
                if folder.name.startswith(("podkeep-git-", "pk-")):
                    self._look(_files(folder))

    def _look(self, paths: Iterable[Path]) -> None:
        with contextlib.suppress(OSError):  # gone meanwhile
            self.found |= {str(path) for path in paths if self._holds(path)}

    def _holds(self, path: Path) -> bool:
        try:
            return path.is_file() and self._has(path.read_bytes())
        except OSError:  # gone meanwhile
            return False

    def _has(self, data: bytes) -> bool:
        return any(secret in data for secret in self._secrets)


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # gone meanwhile
        return []
