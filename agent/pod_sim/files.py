"""Files that must be old or new, never half: written beside, then put in place. Folders that go with their pod."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Write a private file so that a reader sees the old bytes or the new ones."""
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)  # all of it, or an error: a full disk may take a part
    draft.replace(path)


def wipe(folder: Path) -> None:
    """Remove a folder that only this pod wrote to, also where it took away its own rights."""
    if not folder.exists():
        return
    for path, names, _ in os.walk(folder):
        for name in names:
            place = Path(path, name)
            if not place.is_symlink():
                place.chmod(0o700)
    shutil.rmtree(folder)
