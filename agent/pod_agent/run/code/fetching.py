"""Fetches one commit into a tree's own store: what a ref means now, without its past where the server allows it.

Nothing is checked out here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.code.git import Git, is_final, refusal
from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEX = re.compile(r"[0-9a-f]{7,64}")
_FULL = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_QUIETLY = ("--quiet", "--force", "--no-tags")
_EVERYTHING = ("+refs/heads/*:refs/podkeep/heads/*", "+refs/tags/*:refs/podkeep/tags/*")


def have(git: Git, ref: str | None, pinned: str | None) -> str:
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
