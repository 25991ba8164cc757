"""Where the code is, settled before a pod is asked for: an address that a pod can clone, or a folder of this machine.

A folder is for --local only; anywhere else a paid pod would find nothing there, and say so minutes later.
"""

from __future__ import annotations

import re
from pathlib import Path

from pod_wire.errors import Mistake
from pod_wire.source import SourceKind, read_source

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://|[^/\s:]{2,}:")  # a URL, or git's own user@host:path


def place_of(repo: str, field: str, *, is_local: bool) -> str | Mistake:
    """The repository as the pod is told it, or what is wrong with it."""
    if not repo or _ADDRESS.match(repo) or "{{" in repo:
        return repo
    folder = Path(repo).expanduser()
    if not is_local:
        if folder.is_dir() or repo.startswith((".", "~")):
            return Mistake(
                field,
                "is a folder of this machine, and a pod cannot see it",
                "push it and give its https:// address; or send it: --tree; or try it here: --local",
            )
        return repo  # the image may hold it
    if folder.is_file() and read_source(str(folder.absolute())).kind is SourceKind.ARCHIVE:
        return str(folder.resolve())
    if not folder.is_dir():
        return Mistake(field, "is no folder here", "an address begins with https:// or git@")
    if not any((folder / name).exists() for name in (".git", "HEAD")):
        return Mistake(
            field,
            "this folder is not the top of a git repository",
            "there: git init && git add -A && git commit -m first; or send it: --tree; or name its top, and --subdir",
        )
    return str(folder.resolve())
