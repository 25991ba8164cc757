"""When a job's code comes from elsewhere than last time: from git to files that came otherwise, and back.

What git had checked out and nobody changed is known to be the code's; the rest of the tree is the run's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from typing import TYPE_CHECKING

from pod_agent.outputs.came import ID, MANIFEST, PLACE, Came, Manifest, digest
from pod_agent.run.code.placing import OLDER, Placing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
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


@contextlib.contextmanager
def to_git(tree: Path, work: Work) -> Iterator[Callable[[], None]]:
    """Around a checkout, which calls what it gets once the commit is fetched and before it is put in place.

    Then the files that came otherwise and that nobody changed go; where nothing was fetched, all is as before.
    """

    def make_way() -> None:
        if (tree / PLACE / MANIFEST).exists():
            Placing(tree, work).forget()

    older = tree / PLACE / OLDER
    had_store = os.path.lexists(tree / ".git")
    try:
        yield make_way
    except BaseException:  # a cancel too
        if not had_store and (tree / PLACE / ID).exists():
            shutil.rmtree(tree / ".git", ignore_errors=True)
        if older.exists():
            work.say(f"podkeep: the older code, which came otherwise than by git, is kept in {older}")
        raise
    shutil.rmtree(older, ignore_errors=True)


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
