"""The submodules of a checked out commit: where each lies, which commit it is at, and where it comes from.

Each is then brought like the repository itself (checkout.py): shallow with a fall-back, repaired, its edits saved.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pod_agent.run.code.address import is_local, relative_to
from pod_agent.run.code.git import Git
from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINK = b"160000"
_REFUSED = "write its https:// address into .gitmodules, and push that"


def submodules(git: Git) -> Iterator[tuple[Git, str]]:
    """A git for each submodule's folder, and its commit. One without an address is named in the log, and left out."""
    links = _links(git)
    if not links:
        return
    known = _known(git)
    for path, commit in links.items():
        about = known.get(path, {})
        if about.get("update") == "none":
            continue
        url = about.get("url", "")
        if not url:
            git.say(f"the submodule {path} has no address in .gitmodules; its folder stays as it is")
            continue
        yield _inner(git, path, relative_to(git.remote.url, url)), commit


def _inner(git: Git, path: str, url: str) -> Git:
    tree = git.tree / path
    inside = f"{git.inside}/{path}" if git.inside else path
    what = f"cannot fetch the submodule {inside}"
    if not tree.parent.resolve().is_relative_to(git.tree.resolve()):
        raise StepFailed(
            f"{what}: its folder leads out of the repository", "give it a folder of the repository"
        )
    if url.startswith("-") or "::" in url.partition("/")[0]:
        raise StepFailed(f"{what}: its address names a program", _REFUSED)
    if is_local(url) and not git.remote.is_local:
        raise StepFailed(f"{what}: its address is a path of the machine that it was written on", _REFUSED)
    return Git(tree, git.shell.logins.remote(url, inner=True), git.shell, inside)


def _links(git: Git) -> dict[str, str]:
    """Path and commit of every submodule that the index holds."""
    found = {}
    for entry in git.must("ls-files", "-s", "-z").output.split(b"\0"):
        about, _, path = entry.partition(b"\t")
        if about.startswith(_LINK):
            found[os.fsdecode(path)] = about.split()[1].decode("ascii")
    return found


def _known(git: Git) -> dict[str, dict[str, str]]:
    """What .gitmodules says, by path."""
    listed = git.ask(
        "config", "-z", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.(path|url|update)$"
    )
    by_name: dict[str, dict[str, str]] = {}
    for pair in listed.output.split(b"\0"):
        key, _, value = os.fsdecode(pair).partition("\n")
        name, _, field = key.removeprefix("submodule.").rpartition(".")
        by_name.setdefault(name, {})[field] = value
    return {about["path"].rstrip("/"): about for about in by_name.values() if "path" in about}
