"""Files that a repository keeps in git LFS: brought after the checkout, or named as missing.

The checkout itself leaves their pointers, so that one request brings them all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pod_agent.run.code.git import has_lfs

if TYPE_CHECKING:
    from pod_agent.run.code.git import Git

_REMEDY = "use an image with git-lfs (Debian and Ubuntu: apt-get install git-lfs), then give a new order"


def bring_lfs(git: Git) -> tuple[str, ...]:
    """Fill the pointers; a warning where there is nothing to fill them with."""
    if not _uses_lfs(git):
        return ()
    where = f" in {git.inside}" if git.inside else ""
    if not has_lfs(git.shell.env):
        lack = f"the repository keeps files{where} in git LFS and the image has no git-lfs"
        return (f"{lack}: only their pointers are there; {_REMEDY}",)
    git.say(f"fetching the files that {git.label} keeps in git LFS")
    done = git.reach("lfs", "pull", what="cannot fetch the git LFS files of")
    if not done.ok:
        raise git.refusal(f"cannot fetch the git LFS files of {git.label}", done)
    return ()


def _uses_lfs(git: Git) -> bool:
    listed = git.must("ls-files", "-z", "--", ":(glob)**/.gitattributes").output
    names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    return any(
        b"filter=lfs" in (git.tree / name).read_bytes() for name in names if (git.tree / name).is_file()
    )
