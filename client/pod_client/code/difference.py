"""What a checkout has beyond its commit: a line for the receipt, and a patch kept on this machine.

The patch holds new files, too; nothing is written into the repository.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pod_client.code.checkout import GitRefused, git
from pod_client.code.listing import is_private
from pod_client.user_env import count

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pod_client.code.checkout import Checkout

MOST = 50_000_000  # bytes of a patch that is kept
KEPT = 50  # patches


def summary(checkout: Checkout) -> str:
    """In one line: the commit, and what is beyond it."""
    at = "nothing committed" if checkout.commit is None else checkout.commit[:12]
    parts = []
    if checkout.changed:
        parts.append(f"{count(len(checkout.changed), 'file', 'files')} changed")
    if checkout.untracked:
        parts.append(f"{len(checkout.untracked)} untracked")
    if checkout.unpushed:
        parts.append(f"{count(checkout.unpushed, 'commit', 'commits')} not pushed")
    return f"{at} with {', '.join(parts)}" if parts else at


def keep_patch(
    checkout: Checkout, env: Mapping[str, str], folder: Path, private: Collection[str] = ()
) -> Path | None:
    """The difference as a patch in ``folder``, for this user only; None where there is none, or none can be made.

    New files that are ``private``, or look so, are not in it.
    """
    new = [name for name in _new(checkout) if name not in private]
    if _bytes(checkout.top, (*checkout.changed, *new)) > MOST:  # git makes it in memory
        return None
    patch = _patch(checkout, env, new)
    if not patch or len(patch) > MOST:
        return None
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    handle, path = tempfile.mkstemp(prefix=f"{stamp}-", suffix=".patch", dir=folder)  # made 0600
    with os.fdopen(handle, "wb") as file:
        file.write(patch)
    for old in sorted(folder.glob("*.patch"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return Path(path)


def _new(checkout: Checkout) -> list[str]:
    """Every untracked file by its own name, also where git says no more than the folder's."""
    if not checkout.untracked:
        return []
    listed = git(checkout.top, "ls-files", "-z", "--others", "--exclude-standard")
    names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    return [name for name in names if not name.endswith("/") and not is_private(Path(name).name)]


def _bytes(top: Path, names: tuple[str, ...]) -> int:
    found = 0
    for name in names:
        with contextlib.suppress(OSError):
            found += (top / name).lstat().st_size
    return found


def _patch(checkout: Checkout, env: Mapping[str, str], new: list[str]) -> bytes:
    """Made in an index of its own, so that the person's is as it was."""
    with tempfile.TemporaryDirectory(prefix="pod-client-") as folder:
        index = Path(folder, "index")
        own = Path(os.fsdecode(git(checkout.top, "rev-parse", "--git-path", "index").strip()))
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(checkout.top / own, index)
        objects = checkout.top / os.fsdecode(git(checkout.top, "rev-parse", "--git-path", "objects").strip())
        apart = {
            **env,
            "GIT_INDEX_FILE": str(index),
            "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
        }
        named = Path(folder, "named")  # a file: they may be more than a command line holds
        named.write_bytes(b"\0".join(os.fsencode(name) for name in new))
        from_file = (f"--pathspec-from-file={named}", "--pathspec-file-nul")
        try:
            if new:
                git(checkout.top, "--literal-pathspecs", "add", "--intent-to-add", *from_file, env=apart)
            against = () if checkout.commit is None else ("HEAD",)
            return git(checkout.top, "diff", "--binary", "--no-ext-diff", "--no-color", *against, env=apart)
        except GitRefused:
            return b""
