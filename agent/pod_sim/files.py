"""Files that must be old or new, never half: written beside, then put in place. Folders that go with their pod.

What root writes into a person's folder is that person's: a simulator by sudo serves the client of whoever asked for it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Write a private file of the folder's owner so that a reader sees the old bytes or the new ones."""
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        give_to_owner(descriptor, path.parent)
        file.write(data)  # all of it, or an error: a full disk may take a part
    draft.replace(path)


def give_to_owner(descriptor: int, folder: Path) -> None:
    """An open file becomes that of its folder's owner, where this user may give it away."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def make_for_owner(folder: Path) -> None:
    """Make a private folder, and those above it, as the owner of what is there already would have made them."""
    if folder.is_dir():
        return
    make_for_owner(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    above = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        give_to_owner(above, folder.parent)
    finally:
        os.close(above)


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
