"""Brings the code: one exact commit of a git repository, checked out where the job runs.

It never removes what git does not track: checkpoints live in the tree. Edits of tracked files are saved
before they are written over.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pod_agent.run.edits import save_edits, save_in_the_way
from pod_agent.run.git import Git, Remote, StoreDamaged, environment, is_final, refusal
from pod_agent.run.work import StepFailed, Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_wire.job import JobSpec

_HEX = re.compile(r"[0-9a-f]{7,64}")
_FULL = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_QUIETLY = ("--quiet", "--force", "--no-tags")
_EVERYTHING = ("+refs/heads/*:refs/podkeep/heads/*", "+refs/tags/*:refs/podkeep/tags/*")


@dataclass(frozen=True, slots=True)
class Synced:
    """The folder the command runs in, and the commit that lies there; None where there is no repository."""

    folder: Path
    commit: str | None
    warnings: tuple[str, ...] = ()


def sync(spec: JobSpec, tree: Path, pinned: str | None, env: Mapping[str, str], work: Work) -> Synced:
    """Have the code in ``tree``: the commit ``pinned``, or what the ref means now.

    A job without a repository runs in the workspace, which is the folder around ``tree``.
    """
    if spec.repo is None:
        return Synced(_folder(tree.parent, spec, "the workspace"), None)
    if pinned is not None and _lies_there(tree, pinned):
        return Synced(_folder(tree, spec, "the repository"), pinned)
    began = time.monotonic()
    remote = Remote.parse(spec.repo, env)
    _prepare(tree)
    with environment(env, remote) as git_env:
        commit, warnings = _bring(Git(tree, remote, git_env, work), spec.ref, pinned)
    work.say(f"podkeep: code is {commit[:12]} of {remote.url}, in {time.monotonic() - began:.1f} s")
    return Synced(_folder(tree, spec, "the repository"), commit, warnings)


def _lies_there(tree: Path, commit: str) -> bool:
    """Whether the commit was checked out wholly. Two small reads and no program: a restart has a second."""
    try:
        done = _marker(tree).read_text(encoding="ascii").strip()
        head = (tree / ".git" / "HEAD").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return done == head == commit


def _marker(tree: Path) -> Path:
    return tree / ".git" / "podkeep" / "commit"


def _folder(top: Path, spec: JobSpec, where: str) -> Path:
    folder = top / spec.subdir
    if not folder.resolve().is_relative_to(top.resolve()):
        raise StepFailed(
            f"cannot use POD_SUBDIR {spec.subdir!r}: it leads out of {where}", "name a folder inside it"
        )
    if spec.repo is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StepFailed(f"cannot make the folder {folder}: {error.strerror}") from error
    if not folder.is_dir():
        raise StepFailed(
            f"cannot use POD_SUBDIR {spec.subdir!r}: there is no such folder in {where}",
            "check its spelling, and that it is in the commit",
        )
    return folder


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
    commit = _have(git, ref, pinned)
    _check_out(git, commit)
    return commit


def _clear_locks(tree: Path) -> None:
    """Locks of a git that was killed; ours is the only one here, as the pod owns the job."""
    for name in ("index.lock", "HEAD.lock", "shallow.lock", "config.lock", "packed-refs.lock"):
        (tree / ".git" / name).unlink(missing_ok=True)


def _have(git: Git, ref: str | None, pinned: str | None) -> str:
    """The commit, in the tree's store."""
    if pinned is not None:
        if not git.ask("cat-file", "-e", f"{pinned}^{{commit}}").ok:
            _fetch(git, pinned, f"commit {pinned[:12]}")
        return pinned
    refs = _refs(git)
    if not refs:
        raise StepFailed(
            f"cannot clone {git.remote.url}: the repository is empty",
            "push a commit to it, then run the job again",
        )
    name = _match(refs, ref)
    if name is not None:
        commit = refs.get(f"{name}^{{}}", refs[name])
        _fetch(git, commit, name)
        return _commit_of(git, commit, name)
    if ref is not None and _HEX.fullmatch(ref):
        return _by_sha(git, ref)
    raise _no_such(git, ref, refs)


def _refs(git: Git) -> dict[str, str]:
    listed = git.reach("ls-remote", "--", git.remote.url, capture=True)
    if not listed.ok:
        raise refusal(f"cannot clone {git.remote.url}", listed)
    pairs = (line.split("\t", 1) for line in listed.text.splitlines() if "\t" in line)
    return {name: commit for commit, name in pairs}


def _match(refs: Mapping[str, str], ref: str | None) -> str | None:
    """The full name a person meant: branch before tag before anything else."""
    if ref is None:
        return "HEAD" if "HEAD" in refs else None
    return next((n for n in (f"refs/heads/{ref}", f"refs/tags/{ref}", ref, f"refs/{ref}") if n in refs), None)


def _no_such(git: Git, ref: str | None, refs: Mapping[str, str]) -> StepFailed:
    branches = [name.removeprefix("refs/heads/") for name in refs if name.startswith("refs/heads/")]
    shown = ", ".join(branches[:5]) + (", ..." if len(branches) > 5 else "")  # noqa: PLR2004 - enough to recognize
    if ref is None:
        return StepFailed(
            f"cannot clone {git.remote.url}: it has no default branch", f"set POD_REF; it has {shown}"
        )
    return StepFailed(
        f"cannot clone {git.remote.url}: it has no branch, tag or commit {ref!r}",
        f"push it, or set POD_REF to one of its branches: {shown}",
    )


def _fetch(git: Git, commit: str, name: str) -> None:
    """One commit without its past; where a server does not give single commits, everything."""
    url = git.remote.url
    for wanted in dict.fromkeys((commit, name)):
        if wanted.startswith("commit "):
            continue
        fetched = git.reach("fetch", *_QUIETLY, "--depth=1", "--", url, wanted, capture=True)
        if fetched.ok and git.ask("cat-file", "-e", f"{commit}^{{commit}}").ok:
            return
        if is_final(fetched):
            raise refusal(f"cannot clone {url}", fetched)
    _fetch_all(git)
    if not git.ask("cat-file", "-e", f"{commit}^{{commit}}").ok:
        raise StepFailed(
            f"cannot clone {url}: it no longer has {name}",
            "it was pinned when this run began, and has been removed since; run the job again with --fresh",
        )


def _fetch_all(git: Git) -> None:
    deepen = ["--unshallow"] if (git.tree / ".git" / "shallow").exists() else []
    fetched = git.reach("fetch", *_QUIETLY, *deepen, "--", git.remote.url, *_EVERYTHING)
    if not fetched.ok:
        raise refusal(f"cannot clone {git.remote.url}", fetched)


def _by_sha(git: Git, ref: str) -> str:
    if _FULL.fullmatch(ref):
        found = git.reach("fetch", *_QUIETLY, "--depth=1", "--", git.remote.url, ref, capture=True)
        if found.ok:
            return _commit_of(git, ref, ref)
    _fetch_all(git)
    return _commit_of(git, ref, ref)


def _commit_of(git: Git, thing: str, name: str) -> str:
    found = git.ask("rev-parse", "--verify", "--quiet", f"{thing}^{{commit}}")
    if not found.ok:
        raise StepFailed(
            f"cannot clone {git.remote.url}: it has no branch, tag or commit {name!r}",
            "push it, or set POD_REF to a branch, tag or commit that it has",
        )
    return found.text


def _check_out(git: Git, commit: str) -> None:
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
            found.append(
                f"{len(changed)} files in {source} have changes that are not committed; they are not used"
            )
    return tuple(found)
