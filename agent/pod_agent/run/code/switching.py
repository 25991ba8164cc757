"""When a job's code comes from elsewhere than last time: from git to files that came otherwise, and back.

What git had checked out and nobody changed is known to be the code's; the rest of the tree is the run's.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import TYPE_CHECKING

from pod_agent.outputs.came import PLACE, Came, Manifest, digest
from pod_agent.run.code.placing import Placing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.work import Work


def from_git(tree: Path, env: Mapping[str, str], work: Work) -> None:
    """Write down what git had put there, as if it had come otherwise; then git's own store is moved aside."""
    if not (tree / ".git" / "podkeep").is_dir():
        return
    _checked_out(tree, env, work).write(tree)
    aside = tree / PLACE / f"git-{time.time_ns()}"
    (tree / ".git").rename(aside)
    work.say(f"podkeep: the code came from git before; its store is kept as {aside}")


def to_git(tree: Path, work: Work) -> None:
    """Take away the files that came otherwise and that nobody changed, before a checkout."""
    Placing(tree, work).forget()


def _checked_out(tree: Path, env: Mapping[str, str], work: Work) -> Manifest:
    """Files that git tracks and that are as in its commit. A damaged store names none: then all is the run's."""
    mine = {name: value for name, value in env.items() if not name.startswith(("GIT_", "POD_"))}

    def ask(*args: str) -> set[str]:
        argv = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", *args]
        said = work.run(argv, cwd=tree, env={**mine, "LC_ALL": "C"}, capture=True)
        return {os.fsdecode(name) for name in said.output.split(b"\0") if name} if said.ok else set()

    tracked = ask("ls-files", "-z")
    changed = ask("diff", "--name-only", "-z", "HEAD") if tracked else set()
    files = {}
    for name in tracked - changed:
        path = tree / name
        with contextlib.suppress(OSError):
            seen = path.lstat()
            if stat.S_ISLNK(seen.st_mode):
                files[name] = Came(link=str(path.readlink()))
            elif stat.S_ISREG(seen.st_mode):
                files[name] = Came(seen.st_size, seen.st_mtime_ns, digest(path))
    return Manifest("git", files)
