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
    from collections.abc import Mapping

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


def keep_patch(checkout: Checkout, env: Mapping[str, str], folder: Path) -> Path | None:
    """The difference as a patch in ``folder``, for this user only; None where there is none, or none can be made."""
    patch = _patch(checkout, env)
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


def _patch(checkout: Checkout, env: Mapping[str, str]) -> bytes:
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
        named = [name for name in checkout.untracked if not is_private(Path(name).name)]
        try:
            if named:
                git(checkout.top, "add", "--intent-to-add", "--", *named, env=apart)
            against = () if checkout.commit is None else ("HEAD",)
            return git(checkout.top, "diff", "--binary", "--no-ext-diff", "--no-color", *against, env=apart)
        except GitRefused:
            return b""
