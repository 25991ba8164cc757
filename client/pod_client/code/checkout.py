"""What git says of a folder of this machine: its commit, what was changed, what was never pushed, and where to.

Nothing is changed, and no network is asked: what the remote has is what this checkout last saw of it.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pod_client.init.git_place import https_form
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass

_BARE = ("-c", "core.fsmonitor=false", "-c", "core.quotepath=false", "-c", "status.renames=false")


class GitRefused(BadInput):
    """git itself says no; its last words are the reason."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A work tree. ``remote`` is the name of where it pushes to, ``address`` that place's address."""

    top: Path
    commit: str | None  # None: nothing was committed yet
    branch: str | None
    remote: str | None
    address: str | None
    changed: tuple[str, ...]  # tracked files that differ from the commit
    untracked: tuple[str, ...]  # what git neither tracks nor ignores; a folder's name ends in /
    unpushed: int  # commits that no branch of the remote has

    @property
    def is_dirty(self) -> bool:
        return bool(self.changed or self.untracked)

    @property
    def is_as_pushed(self) -> bool:
        return not self.is_dirty and not self.unpushed and self.commit is not None

    def but(self, names: tuple[str, ...]) -> Checkout:
        """Without files that are no part of the code, such as the job file itself."""
        return Checkout(
            self.top,
            self.commit,
            self.branch,
            self.remote,
            self.address,
            tuple(name for name in self.changed if name not in names),
            tuple(name for name in self.untracked if name not in names),
            self.unpushed,
        )

    def is_of(self, address: str) -> bool:
        """Whether this checkout's remote is the repository of that address."""
        return self.address is not None and _plain(self.address) == _plain(address)


def read_checkout(folder: Path) -> Checkout | None:
    """The work tree that a folder lies in; None where there is none, or no git to ask."""
    try:
        top = git(folder, "rev-parse", "--show-toplevel")
    except (GitRefused, FileNotFoundError):
        return None
    path = Path(os.fsdecode(top.removesuffix(b"\n")))
    commit = _one(path, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    branch = _one(path, "symbolic-ref", "--short", "--quiet", "HEAD")
    remote = _remote(path, branch)
    changed, untracked = _status(path)
    unpushed = 0
    if commit is not None and remote is not None:
        unpushed = int(_one(path, "rev-list", "--count", "HEAD", "--not", f"--remotes={remote}") or 0)
    address = None if remote is None else _one(path, "remote", "get-url", remote)
    return Checkout(path, commit, branch, remote, address, changed, untracked, unpushed)


def git(folder: Path, *args: str, env: dict[str, str] | None = None) -> bytes:
    """What git says on stdout; GitRefused where it ends otherwise than well."""
    done = subprocess.run(["git", *_BARE, *args], cwd=folder, env=env, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or [
            f"exit code {done.returncode}"
        ]
        said = lines[-1].removeprefix("fatal: ").removeprefix("error: ")
        raise GitRefused(f"cannot ask git in {folder}: {said}", hint=f"try: git -C {folder} status")
    return done.stdout


def _one(folder: Path, *args: str) -> str | None:
    """One line, or None where git has none."""
    try:
        said = git(folder, *args)
    except GitRefused:
        return None
    return said.decode("utf-8", "surrogateescape").strip() or None


def _remote(folder: Path, branch: str | None) -> str | None:
    """Where the branch pushes to; else origin; else the only one."""
    names = (_one(folder, "remote") or "").split()
    wanted = _one(folder, "config", f"branch.{branch}.remote") if branch else None
    if wanted in names:
        return wanted
    return "origin" if "origin" in names else names[0] if names else None


def _status(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    said = git(folder, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal")
    entries = [os.fsdecode(entry) for entry in said.split(b"\0") if entry]
    untracked = tuple(entry[3:] for entry in entries if entry.startswith("??"))
    return tuple(entry[3:] for entry in entries if not entry.startswith(("??", "!!"))), untracked


def _plain(address: str) -> str:
    """An address without what differs between two ways to write it."""
    https, _ = https_form(address)
    if https is None:
        path = address.removeprefix("file://")
        return str(Path(path).resolve()).removesuffix("/.git").removesuffix(".git")
    return https.partition("://")[2].lower().removesuffix("/").removesuffix(".git")
