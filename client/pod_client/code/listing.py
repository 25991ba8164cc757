"""Which files of a folder make its tree: what git tracks, and what it neither tracks nor ignores.

Without git: everything but the usual caches. Deleted files are left out, links stay links.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pod_client.code.checkout import GitRefused, git
from pod_wire.frozen import dataclass

CACHES = frozenset({
    ".git", ".hg", ".svn", "__pycache__", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".ipynb_checkpoints", "node_modules", ".cache", ".DS_Store", ".idea", ".vscode", ".podkeep",
    ".podkeep-code", "wandb", ".eggs",
})  # fmt: skip
_PRIVATE = frozenset({".env", ".netrc", ".pypirc", "id_rsa", "id_ed25519", "id_ecdsa", ".git-credentials"})
_ENV = ".env."
_SAMPLES = (".example", ".sample", ".template", ".dist")


@dataclass(frozen=True, slots=True)
class Listing:
    """Names below ``top``, sorted. ``held_back`` are private files that nobody told git to track."""

    top: Path
    names: tuple[str, ...]
    held_back: tuple[str, ...] = ()


def list_tree(top: Path, *, has_git: bool) -> Listing:
    """The files of a tree."""
    found: set[str] = set()
    held: set[str] = set()
    if has_git:
        _by_git(top, "", found, held)
    else:
        _by_walking(top, "", found, held)
    return Listing(top, tuple(sorted(found, key=os.fsencode)), tuple(sorted(held)))


def _by_git(folder: Path, below: str, found: set[str], held: set[str]) -> None:
    """One repository; those inside it, submodules or not, are asked themselves."""
    tracked = _names(git(folder, "ls-files", "-z"))
    others = _names(git(folder, "ls-files", "-z", "--others", "--exclude-standard"))
    for name in tracked | others:
        path = folder / name
        if not os.path.lexists(path):
            continue
        if path.is_dir() and not path.is_symlink():
            _nested(path, f"{below}{name.rstrip('/')}/", found, held)
        elif name in others and is_private(path.name):
            held.add(below + name)
        elif _is_sent(path):
            found.add(below + name)


def _nested(folder: Path, below: str, found: set[str], held: set[str]) -> None:
    """A submodule or a repository inside another. One that was not checked out is empty."""
    if (folder / ".git").exists():
        try:
            _by_git(folder, below, found, held)
        except GitRefused:
            _by_walking(folder, below, found, held)


def _by_walking(folder: Path, below: str, found: set[str], held: set[str]) -> None:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name in CACHES or entry.name.endswith((".pyc", ".egg-info")):
                continue
            if entry.is_dir(follow_symlinks=False):
                if not (Path(entry.path) / "pyvenv.cfg").exists():
                    _by_walking(Path(entry.path), f"{below}{entry.name}/", found, held)
            elif is_private(entry.name):
                held.add(below + entry.name)
            elif _is_sent(Path(entry.path)):
                found.add(below + entry.name)


def is_private(name: str) -> bool:
    """Whether a file of this name usually holds secrets."""
    return name in _PRIVATE or (name.startswith(_ENV) and not name.endswith(_SAMPLES))


def _is_sent(path: Path) -> bool:
    kind = path.lstat().st_mode
    return stat.S_ISREG(kind) or stat.S_ISLNK(kind)


def _names(said: bytes) -> set[str]:
    return {os.fsdecode(name) for name in said.split(b"\0") if name}
