"""Checks out one exact commit of a git repository, and of its submodules, into the job's tree.

It never removes what git does not track: checkpoints live in the tree. Edits of tracked files are saved
before they are written over (edits.py); what a kill left behind is put right (store.py).
"""

from __future__ import annotations

import errno
import random
import re
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pod_agent.run.code.edits import keep_commits, make_way
from pod_agent.run.code.fetching import has, have
from pod_agent.run.code.git import Git, Shell, StoreDamaged, surroundings
from pod_agent.run.code.lfs import bring_lfs
from pod_agent.run.code.logins import Logins
from pod_agent.run.code.store import make_room, ours, put_right, set_store_aside, store_of, sweep
from pod_agent.run.code.submodules import submodules
from pod_agent.run.work import StepFailed, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pod_wire.job import JobSpec

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def check_out(
    spec: JobSpec,
    tree: Path,
    pinned: str | None,
    env: Mapping[str, str],
    work: Work,
    *,
    chance: Callable[[], float] = random.random,
    fetched: Callable[[], None] = lambda: None,
) -> tuple[str, tuple[str, ...]]:
    """Have the commit ``pinned``, or what the ref means now, in ``tree``; the commit, and warnings.

    ``chance`` (0 to 1) spreads the pauses between tries, so that many pods do not knock at once. ``fetched`` is called
    when the commit is here, before anything is put in place.
    """
    began = time.monotonic()
    logins = Logins.of(spec.repo or "", env)
    remote = logins.remote(spec.repo or "")
    try:
        with surroundings(env, logins, work) as git_env:
            git = Git(tree, remote, Shell(git_env, logins, work, chance))
            make_room(tree, git.say)
            commit, warnings = _bring(git, spec.ref, pinned, tree, fetched)
            warnings = (*warnings, *_uncommitted(git))
    except OSError as error:
        raise _failed(remote.url, tree, error) from error
    work.say(f"podkeep: code is {commit[:12]} of {remote.url}, in {time.monotonic() - began:.1f} s")
    return commit, warnings


def _failed(url: str, tree: Path, error: OSError) -> StepFailed:
    place = error.filename or tree
    if error.errno in _NO_ROOM:
        return StepFailed(
            f"cannot check out {url}: the disk that holds {place} is full",
            "make the pod's volume larger, or remove old files from it; nothing was lost",
        )
    return StepFailed(
        f"cannot check out {url}: {place}: {error.strerror}",
        "the workspace must be writable: check the pod's volume",
    )


def _bring(
    git: Git, ref: str | None, pinned: str | None, home: Path, fetched: Callable[[], None] = lambda: None
) -> tuple[str, tuple[str, ...]]:
    """Fetch and check out. A damaged store is moved aside once and made anew."""
    was_new = not (git.tree / ".git").exists()
    try:
        return _try(git, ref, pinned, home, fetched)
    except StoreDamaged as damage:
        if was_new or not (git.tree / ".git").exists():
            raise
        aside = set_store_aside(git.tree)
        git.say(f"{damage.message}; it is kept as {aside.name}, and fetched anew")
    return _try(git, ref, pinned, home, fetched)


def _try(
    git: Git, ref: str | None, pinned: str | None, home: Path, fetched: Callable[[], None]
) -> tuple[str, tuple[str, ...]]:
    make_room(git.tree, git.say)
    put_right(git.tree, home, git.say)
    git.must("init", "--quiet", "--template=")
    _look_at_head(git)
    _name_origin(git)
    try:
        commit = have(git, ref, pinned)
        fetched()
        return commit, _put(git, commit, home)
    finally:
        sweep(store_of(git.tree))  # a fetch that was cut, or found the disk full, leaves half a pack


def _look_at_head(git: Git) -> None:
    """A HEAD that names a commit which cannot be read has lost more than that."""
    text = (store_of(git.tree) / "HEAD").read_text(encoding="ascii", errors="replace")
    if not text.startswith("ref:") and not has(git, "HEAD"):
        raise StoreDamaged(f"cannot check out {git.label}: the store in {git.tree} has lost its commit", "")


def _name_origin(git: Git) -> None:
    """What submodules, git LFS and people on the pod go by. The address is the one without a login."""
    was = git.ask("config", "--get", "remote.origin.url").text
    wanted = {
        "remote.origin.url": git.remote.url,
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
    }
    if was == git.remote.url:
        return
    for key, value in wanted.items():
        git.must("config", "--replace-all", key, value)
    if was:
        git.say(
            "the folder held a clone of another repository; its branches stay, the files become this one's"
        )


def _put(git: Git, commit: str, home: Path) -> tuple[str, ...]:
    """Put the commit into the tree, with its submodules and large files.

    A switch that was cut off is ended first: the files it brought are then known for what they are.
    """
    folder = ours(git.tree)
    folder.mkdir(exist_ok=True)
    marker, wanted = folder / "commit", folder / "wanted"
    known, done = _noted(wanted), _noted(marker)
    keep_commits(git, frozenset((*known, *done)))
    cut = known[-1] if known and not done else None
    if cut is not None and cut != commit and has(git, cut):
        _switch(git, cut, known, was_cut=True)
    marker.unlink(missing_ok=True)
    with wanted.open("a", encoding="utf-8") as notes:
        notes.write(f"{commit}\n")
    _switch(git, commit, known, was_cut=commit == cut)
    warnings = list(bring_lfs(git))
    for inner, pin in submodules(git):
        warnings += _bring(inner, None, pin, home)[1]
    marker.write_text(commit, encoding="ascii")
    return tuple(warnings)


def _noted(path: Path) -> list[str]:
    """The commits that a note of ours names; a power cut may have left anything in it."""
    words = path.read_text(encoding="ascii", errors="replace").split() if path.is_file() else []
    return [word for word in words if _COMMIT.fullmatch(word)]


def _switch(git: Git, commit: str, known: list[str], *, was_cut: bool) -> None:
    head = git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    base = head.text if head.ok else next((one for one in reversed(known) if has(git, one)), None)
    make_way(git, base, commit, was_cut=was_cut)
    git.must("checkout", "--quiet", "--force", "--detach", commit)


def _uncommitted(git: Git) -> tuple[str, ...]:
    """Whoever points at a folder of the same machine learns that only commits count."""
    source = Path(git.remote.url.removeprefix("file://"))
    if not git.remote.is_local or not PurePosixPath(source).is_absolute() or not (source / ".git").is_dir():
        return ()
    changed = git.ask("-C", str(source), "status", "--porcelain", "--untracked-files=no").text.splitlines()
    if not changed:
        return ()
    many = "1 file has" if len(changed) == 1 else f"{len(changed)} files have"
    return (f"in {source} {many} changes that are not committed; they are not used",)
