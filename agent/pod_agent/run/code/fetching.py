"""Fetches one commit into a tree's own store: what a ref means now, without its past where the server allows it.

Nothing is checked out here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from pod_agent.run.code.git import Git

_HEX = re.compile(r"[0-9a-fA-F]{7,64}")
_FULL = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REQUEST = re.compile(r"(?P<kind>#|!|pr/|mr/|pull/|merge-requests/)(?P<number>[0-9]+)(?P<rest>/head|/merge)?")
_QUIETLY = ("--quiet", "--force", "--no-tags")
_EVERYTHING = ("+refs/heads/*:refs/podkeep/heads/*", "+refs/tags/*:refs/podkeep/tags/*")
_SHOWN = 5  # branches that a message names


def have(git: Git, ref: str | None, pinned: str | None) -> str:
    """The commit, in the tree's store."""
    if pinned is not None:
        if not has(git, pinned):
            _fetch(git, pinned, names(ref) if ref is not None and not _HEX.fullmatch(ref) else ())
        return pinned
    found = _listed(git, names(ref))
    name = next((name for name in names(ref) if name in found), None)
    if name is not None:
        commit = found.get(f"{name}^{{}}", found[name])
        if not has(git, commit):
            _fetch(git, commit, (name,))
        return _commit_of(git, commit, name)
    if ref is not None and _HEX.fullmatch(ref):
        return _by_sha(git, ref.lower())
    raise _no_such(git, ref)


def has(git: Git, commit: str) -> bool:
    """Whether the commit is in the store already."""
    return git.ask("cat-file", "-e", f"{commit}^{{commit}}").ok


def names(ref: str | None) -> tuple[str, ...]:
    """The full names that a person may have meant, in the order in which they win: branch, tag, anything else."""
    if ref is None:
        return ("HEAD",)
    plain = (f"refs/heads/{ref}", f"refs/tags/{ref}", ref, f"refs/{ref}", f"refs/remotes/{ref}")
    found = _REQUEST.fullmatch(ref)
    if found is None:
        return plain
    number, rest = found["number"], found["rest"] or "/head"
    asked = (f"refs/pull/{number}{rest}", f"refs/merge-requests/{number}{rest}")
    is_merge_request = found["kind"] in {"!", "mr/", "merge-requests/"}
    return tuple(dict.fromkeys((*plain, *(reversed(asked) if is_merge_request else asked))))


def _listed(git: Git, wanted: tuple[str, ...]) -> dict[str, str]:
    """Those of the remote's refs that have one of these names. A large host has refs by the hundred thousand."""
    peeled = [f"{name}^{{}}" for name in wanted if name.startswith("refs/")]
    return _pairs(git, "--", git.remote.url, *wanted, *peeled)


def _pairs(git: Git, *args: str) -> dict[str, str]:
    listed = git.reach("ls-remote", *args)
    if not listed.ok:
        raise git.refusal(f"cannot clone {git.label}", listed)
    pairs = (line.split("\t", 1) for line in listed.text.splitlines() if "\t" in line)
    return {name: commit for commit, name in pairs}


def _no_such(git: Git, ref: str | None) -> StepFailed:
    what = f"cannot clone {git.label}"
    heads = _pairs(git, "--heads", "--tags", "--", git.remote.url)
    if not heads:
        return _empty(git, what)
    branches = [name.removeprefix("refs/heads/") for name in heads if name.startswith("refs/heads/")]
    shown = ", ".join(branches[:_SHOWN]) + (", ..." if len(branches) > _SHOWN else "")
    if ref is None:
        return StepFailed(f"{what}: it has no default branch", f"set POD_REF; it has {shown}")
    if _REQUEST.fullmatch(ref):
        return StepFailed(
            f"{what}: it has no pull or merge request {ref!r}",
            f"check its number, and that its host publishes requests as refs; branches are: {shown}",
        )
    return StepFailed(
        f"{what}: it has no branch, tag or commit {ref!r}",
        f"push it, or set POD_REF to one of its branches: {shown}",
    )


def _empty(git: Git, what: str) -> StepFailed:
    """A web page over http looks to git like a server of the old kind that has no refs."""
    push = "push a commit to it, then run the job again"
    if git.remote.url.startswith("http"):
        reason = "the repository is empty, or the address is that of a web page"
        return StepFailed(f"{what}: {reason}", f"check POD_REPO; if the repository is empty, {push}")
    return StepFailed(f"{what}: the repository is empty", push)


def _fetch(git: Git, commit: str, known_as: tuple[str, ...]) -> None:
    """One commit without its past; where a server does not give single commits, by name, then everything."""
    url = git.remote.url
    git.say(f"fetching {known_as[0] if len(known_as) == 1 else commit[:12]} of {git.label}")
    for wanted in (commit, *known_as[:1]):
        fetched = git.reach("fetch", *_QUIETLY, *_depth(git), "--", url, wanted)
        if fetched.ok and git.ask("cat-file", "-e", commit).ok:
            return
    _fetch_all(git)
    for name in known_as:  # a pull request is in no branch
        if has(git, commit):
            return
        git.reach("fetch", *_QUIETLY, "--", url, name)
    if not has(git, commit):
        raise _gone(git, commit)


def _gone(git: Git, commit: str) -> StepFailed:
    if git.inside:
        return StepFailed(
            f"cannot clone {git.label}: it has no commit {commit[:12]}, which the repository around it names",
            "push it in the submodule's own repository, or let the submodule point at a commit that is there",
        )
    return StepFailed(
        f"cannot clone {git.label}: it no longer has commit {commit[:12]}",
        "it was pinned when this run began, and has been removed since: push it again, or give a new order",
    )


def _depth(git: Git) -> tuple[str, ...]:
    """A store that has its whole past, as a person's own clone, is not cut short."""
    is_new = not git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}").ok
    return ("--depth=1",) if is_new or _is_shallow(git) else ()


def _is_shallow(git: Git) -> bool:
    return git.ask("rev-parse", "--is-shallow-repository").text == "true"


def _fetch_all(git: Git) -> None:
    deepen = ["--unshallow"] if _is_shallow(git) else []
    fetched = git.reach("fetch", *_QUIETLY, *deepen, "--", git.remote.url, *_EVERYTHING)
    if not fetched.ok:
        raise git.refusal(f"cannot clone {git.label}", fetched)


def _by_sha(git: Git, ref: str) -> str:
    if git.ask("cat-file", "-e", f"{ref}^{{commit}}").ok and _FULL.fullmatch(ref):
        return ref
    if _FULL.fullmatch(ref):
        fetched = git.reach("fetch", *_QUIETLY, *_depth(git), "--", git.remote.url, ref)
        if fetched.ok:
            return _commit_of(git, ref, ref)
    git.say(f"fetching all of {git.label}, to find commit {ref}")
    _fetch_all(git)
    return _commit_of(git, ref, ref)


def _commit_of(git: Git, thing: str, name: str) -> str:
    found = git.ask("rev-parse", "--verify", f"{thing}^{{commit}}")
    if found.ok:
        return found.text
    what = f"cannot clone {git.label}"
    if b"ambiguous" in found.errors:
        raise StepFailed(f"{what}: more than one commit begins with {name!r}", "give more of its digits")
    if thing != name:
        raise StepFailed(f"{what}: {name} is no commit", "set POD_REF to a branch, tag or commit")
    raise StepFailed(
        f"{what}: it has no branch, tag or commit {name!r}",
        "push it, or set POD_REF to a branch, tag or commit that it has; a commit of a pull request by all its digits",
    )
