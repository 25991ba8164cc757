"""Saves what a checkout would write over: edits of tracked files as a patch, files in the way as they are.

Kept inside the tree's own .git, where neither git nor a job looks, and named in the log.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.code.git import Git


def save_edits(git: Git) -> None:
    """The difference between the tree and its commit, when there is one."""
    if not git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").ok:
        return
    edits = git.ask("diff", "--quiet", "HEAD")
    if edits.code != 1:
        return
    patch = git.tree / ".git" / "podkeep" / f"edits-{_stamp()}.patch"
    done = git.ask("diff", "--binary", f"--output={patch}", "HEAD")
    if done.ok:
        git.work.say(f"podkeep: files of the repository had been edited here; the edits are saved in {patch}")


def save_in_the_way(git: Git, commit: str) -> None:
    """Move aside what git does not track and the commit would replace."""
    known = set(git.ask("ls-files", "-z").output.split(b"\0"))
    folder = git.tree / ".git" / "podkeep"
    aside = folder / f"aside-{_stamp()}"
    moved = 0
    for name in _differing(git, commit, folder / "index"):
        path = _in_the_way(git.tree, os.fsdecode(name))
        if name in known or path is None:
            continue
        place = aside / path.relative_to(git.tree)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
        moved += 1
    if moved:
        git.work.say(f"podkeep: {moved} untracked files lay where the commit has files; moved to {aside}")


def _differing(git: Git, commit: str, index: Path) -> list[bytes]:
    """Names of the commit whose file in the tree is another one, or none."""
    apart = replace(git, env={**git.env, "GIT_INDEX_FILE": str(index)})
    index.unlink(missing_ok=True)
    if not apart.ask("read-tree", commit).ok:
        return []
    apart.ask("update-index", "-q", "--refresh")
    names = apart.ask("diff-files", "-z", "--name-only").output.split(b"\0")
    index.unlink(missing_ok=True)
    return sorted(set(names) - {b""})


def _in_the_way(tree: Path, name: str) -> Path | None:
    """What lies where this name goes: a file or link of that name, or one that stands for its folder."""
    path = tree / name
    for parent in reversed(path.relative_to(tree).parents[:-1]):
        if os.path.lexists(tree / parent) and not (tree / parent).is_dir():
            return tree / parent
    return path if os.path.lexists(path) and not path.is_dir() else None


def _stamp() -> str:
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime())
