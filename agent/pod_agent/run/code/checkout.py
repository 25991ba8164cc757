"""Checks out one exact commit of a git repository into the job's tree.

It never removes what git does not track: checkpoints live in the tree. Edits of tracked files are saved
before they are written over.
"""

from __future__ import annotations

import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pod_agent.run.code.edits import save_edits, save_in_the_way
from pod_agent.run.code.fetching import have
from pod_agent.run.code.git import Git, Remote, StoreDamaged, environment, refusal
from pod_agent.run.work import StepFailed, Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_wire.job import JobSpec


def check_out(
    spec: JobSpec, tree: Path, pinned: str | None, env: Mapping[str, str], work: Work
) -> tuple[str, tuple[str, ...]]:
    """Have the commit ``pinned``, or what the ref means now, in ``tree``; the commit, and warnings."""
    began = time.monotonic()
    remote = Remote.parse(spec.repo or "", env)
    _prepare(tree)
    with environment(env, remote) as git_env:
        commit, warnings = _bring(Git(tree, remote, git_env, work), spec.ref, pinned)
    work.say(f"podkeep: code is {commit[:12]} of {remote.url}, in {time.monotonic() - began:.1f} s")
    return commit, warnings


def lies_there(tree: Path, commit: str) -> bool:
    """Whether the commit was checked out wholly. Two small reads and no program: a restart has a second."""
    try:
        done = _marker(tree).read_text(encoding="ascii").strip()
        head = (tree / ".git" / "HEAD").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return done == head == commit


def _marker(tree: Path) -> Path:
    return tree / ".git" / "podkeep" / "commit"


def _prepare(tree: Path) -> None:
    try:
        tree.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StepFailed(
            f"cannot make the folder {tree}: {error.strerror}",
            "the workspace must be writable: check the pod's volume",
        ) from error


def _bring(git: Git, ref: str | None, pinned: str | None) -> tuple[str, tuple[str, ...]]:
    """Fetch and check out. A damaged store is moved aside once and made anew."""
    try:
        return _try(git, ref, pinned), _warnings(git)
    except StoreDamaged:
        aside = git.tree / f".git.damaged-{time.time_ns()}"
        (git.tree / ".git").rename(aside)
        git.work.say(f"podkeep: git's own store here is damaged: kept as {aside.name}, fetching it anew")
    return _try(git, ref, pinned), _warnings(git)


def _try(git: Git, ref: str | None, pinned: str | None) -> str:
    _clear_locks(git.tree)
    made = git.run("init", "--quiet", quiet=True)
    if not made.ok:
        raise refusal(f"cannot make a repository in {git.tree}", made)
    _name_origin(git)
    commit = have(git, ref, pinned)
    _put(git, commit)
    return commit


def _name_origin(git: Git) -> None:
    """What submodules, git LFS and people on the pod go by. The address is the one without a login."""
    wanted = {
        "remote.origin.url": git.remote.url,
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
    }
    for key, value in wanted.items():
        git.must("config", "--replace-all", key, value)


def _clear_locks(tree: Path) -> None:
    """Locks of a git that was killed; ours is the only one here, as the pod owns the job."""
    for name in ("index.lock", "HEAD.lock", "shallow.lock", "config.lock", "packed-refs.lock"):
        (tree / ".git" / name).unlink(missing_ok=True)


def _put(git: Git, commit: str) -> None:
    """Put the commit into the tree."""
    _marker(git.tree).parent.mkdir(exist_ok=True)
    _marker(git.tree).unlink(missing_ok=True)
    save_edits(git)
    save_in_the_way(git, commit)
    done = git.run("checkout", "--quiet", "--force", "--detach", commit)
    if not done.ok:
        raise refusal(f"cannot check out {commit[:12]} of {git.remote.url}", done)
    if (git.tree / ".gitmodules").exists():
        git.must("submodule", "--quiet", "update", "--init", "--recursive", "--force", "--depth=1")
    _marker(git.tree).write_text(commit, encoding="ascii")


def _warnings(git: Git) -> tuple[str, ...]:
    found: list[str] = []
    attributes = git.tree / ".gitattributes"
    keeps_lfs = attributes.exists() and b"filter=lfs" in attributes.read_bytes()
    if keeps_lfs and not git.ask("lfs", "version").ok:
        found.append("the repository keeps files in git LFS and the image has no git-lfs: they are missing")
    source = Path(git.remote.url.removeprefix("file://"))
    if PurePosixPath(source).is_absolute() and (source / ".git").is_dir():
        changed = git.ask(
            "-C", str(source), "status", "--porcelain", "--untracked-files=no"
        ).text.splitlines()
        if changed:
            many = "1 file has" if len(changed) == 1 else f"{len(changed)} files have"
            found.append(f"in {source} {many} changes that are not committed; they are not used")
    return tuple(found)
