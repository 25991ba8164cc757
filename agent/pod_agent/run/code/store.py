"""git's own store in a tree: where it is, and what a git that was killed, or a power cut, has left in it.

Locks and half-written packs are removed, as the pod owns the job and no other git works here. All else that is in
the way is moved aside; nothing that a person made is removed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEAD = re.compile(r"(ref: refs/\S+|[0-9a-f]{40}|[0-9a-f]{64})\n?")
_IN_PROGRESS = (
    "rebase-merge", "rebase-apply", "sequencer", "MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "MERGE_RR", "AUTO_MERGE",
    "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "BISECT_START", "BISECT_TERMS", "BISECT_NAMES",
)  # fmt: skip
_OURS = "podkeep"
_LEAST_REF = 40  # bytes of a ref that names a commit


def store_of(tree: Path) -> Path:
    """The folder of the store, also where ``.git`` is a file that points to it."""
    path = tree / ".git"
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return path
    if not text.startswith("gitdir:"):
        return path
    return tree / text.removeprefix("gitdir:").strip()


def ours(tree: Path) -> Path:
    """Where we keep what we save and note: inside the store, where neither git nor a job looks."""
    return store_of(tree) / _OURS


def free_name(path: Path, suffix: str = "") -> Path:
    """A name beside this one that nothing has yet."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for number in itertools.count(1):
        found = path.with_name(f"{path.name}-{stamp}{f'-{number}' if number > 1 else ''}{suffix}")
        if not os.path.lexists(found):
            return found
    raise AssertionError  # numbers do not end


def make_room(tree: Path, say: Callable[[str], None]) -> None:
    """Have a folder at ``tree``: a file or a dead link that lies there is moved aside."""
    if os.path.lexists(tree) and not tree.is_dir():
        aside = free_name(tree.with_name(f"{tree.name}.aside"))
        tree.rename(aside)
        say(f"{tree} was no folder; moved to {aside}")
    tree.mkdir(parents=True, exist_ok=True)


def put_right(tree: Path, home: Path, say: Callable[[str], None]) -> None:
    """Mend what can be mended without git. ``home``: the store may lie below it, else it is somebody else's."""
    _own_store(tree, home, say)
    store = store_of(tree)
    if not store.is_dir():
        return
    for lock in _locks(store):
        lock.unlink(missing_ok=True)
    sweep(store)
    _head(store)
    _refs(store, say)
    _progress(store, say)


def set_store_aside(tree: Path) -> Path:
    """Move the store away, so that a new one can be made. All its content stays."""
    path = tree / ".git"
    aside = free_name(tree / ".git.aside")
    path.rename(aside)
    return aside


def sweep(store: Path) -> None:
    """Half-written packs and objects of gits that are no more: they may be large."""
    objects = store / "objects"
    for folder in (objects, objects / "pack", *objects.glob("[0-9a-f][0-9a-f]")):
        for left in folder.glob("tmp_*"):
            with contextlib.suppress(OSError):  # it is only room that is won
                left.unlink()


def _own_store(tree: Path, home: Path, say: Callable[[str], None]) -> None:
    path = tree / ".git"
    if not os.path.lexists(path) or (path.is_dir() and not path.is_symlink()):
        return
    store = store_of(tree)
    if not path.is_symlink() and store.is_dir() and store.resolve().is_relative_to(home.resolve()):
        return
    aside = set_store_aside(tree)
    say(f"the folder's .git pointed elsewhere (a worktree, or nothing); it is kept as {aside.name}")


def _locks(store: Path) -> Iterator[Path]:
    """Of this store and of all submodules whose stores lie in it."""
    for folder, folders, files in os.walk(store):
        folders[:] = [name for name in folders if name not in {"objects", "lfs", _OURS, "hooks"}]
        yield from (Path(folder, name) for name in files if name.endswith(".lock"))
    for part in ("info", "pack", "info/commit-graphs"):
        yield from (store / "objects" / part).glob("*.lock")
    yield from (store / "objects").glob("*.lock")
    yield from (store / _OURS).glob("*.lock")


def _head(store: Path) -> None:
    """A HEAD that a power cut left empty: git takes the folder for none of its own, and init does not mend it."""
    head = store / "HEAD"
    try:
        text = head.read_text(encoding="ascii")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError):
        text = ""
    if not _HEAD.fullmatch(text):
        head.unlink(missing_ok=True)
        head.write_text("ref: refs/heads/main\n", encoding="ascii")


def _refs(store: Path, say: Callable[[str], None]) -> None:
    """Refs that a power cut left empty, or full of zeros: git stumbles over each of them."""
    for folder, _, files in os.walk(store / "refs"):
        for path in (Path(folder, name) for name in files):
            text = path.read_bytes()[:_LEAST_REF]
            if text.startswith(b"ref: ") or (len(text) == _LEAST_REF and text.isalnum()):
                continue
            aside = free_name(store / _OURS / "broken-ref" / path.name)
            aside.parent.mkdir(parents=True, exist_ok=True)
            path.rename(aside)
            say(f"{path.relative_to(store)} was broken; it is kept as {aside}")


def _progress(store: Path, say: Callable[[str], None]) -> None:
    found = [name for name in _IN_PROGRESS if os.path.lexists(store / name)]
    if not found:
        return
    aside = free_name(store / _OURS / "in-progress")
    aside.mkdir(parents=True)
    for name in found:
        (store / name).rename(aside / name)
    say(f"a merge, rebase or the like was in progress here; its notes are kept in {aside}")
