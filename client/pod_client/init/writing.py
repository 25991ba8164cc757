"""Puts a pod.toml into a folder: never over another one; with --force that one is kept under another name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pod_wire.errors import BadInput, PodError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "pod.toml"


def refuse_existing(folder: Path) -> None:
    """Before anything is read: what is there is somebody's work."""
    if os.path.lexists(folder / FILE):
        raise BadInput(
            f"cannot write {FILE}: there is one here already",
            hint="see what would be written: pod-client init --print; or write it anew: --force keeps a backup",
        )


def write(folder: Path, text: str, *, force: bool) -> str | None:
    """Whole or not at all. Returns the backup's name, where one was made."""
    path = folder / FILE
    draft = folder / f".{FILE}.{os.getpid()}"
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        backup = _backup(path) if force and os.path.lexists(path) else None
        _place(draft, path)
    except OSError as error:
        raise PodError(
            f"cannot write {FILE} into {folder}: {error.strerror or error}",
            "print it and put it where you may write: pod-client init --print",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return backup


def _place(draft: Path, path: Path) -> None:
    """By a link, which fails where a file has come meanwhile; where there are no links, by creating it anew."""
    try:
        os.link(draft, path)
    except FileExistsError:
        refuse_existing(path.parent)
        raise
    except OSError:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(draft.read_text(encoding="utf-8"))


def _backup(path: Path) -> str:
    """The first free name; an older backup is kept as well."""
    number = 0
    while True:
        name = f"{FILE}.bak{number or ''}"
        if not os.path.lexists(path.with_name(name)):
            path.rename(path.with_name(name))
            return name
        number += 1
