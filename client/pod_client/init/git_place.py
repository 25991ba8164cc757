"""Where a folder's repository comes from, read from git's own files: git is not run, its settings can run programs."""

from __future__ import annotations

import configparser
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pod_client.init.texts import read_text
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path

_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!/)(.+)")
_REMOTE = re.compile(r'remote "(.+)"')
_HEAD = "ref: refs/heads/"


@dataclass(frozen=True, slots=True)
class GitPlace:
    """``top`` is None outside git. ``branch`` is set only where it is known not to be the default one."""

    top: Path | None = None
    remote: str | None = None  # in https form where there is one
    subdir: str = "."
    branch: str | None = None
    had_login: bool = False


def git_place(folder: Path) -> GitPlace:
    for top in (folder, *folder.parents):
        if (top / ".git").exists():
            break
    else:
        return GitPlace()
    subdir = folder.relative_to(top).as_posix()
    own, shared = _git_folders(top)
    if own is None or shared is None:
        return GitPlace(top, subdir=subdir)
    name, address = _remote(shared)
    remote, had_login = https_form(address) if address else (None, False)
    return GitPlace(top, remote, subdir, _branch(own, shared, name), had_login)


def https_form(address: str) -> tuple[str | None, bool]:
    """An address that needs no ssh key and holds no login; None for a folder. And whether it held a login."""
    if "://" not in address:
        found = _SCP.fullmatch(address)
        if found is None or len(found[1]) < 2:  # noqa: PLR2004 - a drive of Windows
            return None, False
        return f"https://{found[1]}/{found[2].strip('/')}", False
    try:
        parts = urlsplit(address)
        host, port, login = parts.hostname, parts.port, parts.username or parts.password
    except ValueError:
        return None, False
    if not host or parts.scheme == "file":
        return None, False
    if parts.scheme in {"ssh", "git+ssh", "git"}:
        return f"https://{host}{parts.path.rstrip('/')}", False
    at = f"{host}:{port}" if port else host
    return f"{parts.scheme}://{at}{parts.path.rstrip('/')}", bool(login)


def _git_folders(top: Path) -> tuple[Path | None, Path | None]:
    """The repository's own folder, and the one it shares with other work trees."""
    own = top / ".git"
    if own.is_file():  # a work tree or a submodule
        told = (read_text(str(own)) or "").strip()
        if not told.startswith("gitdir:"):
            return None, None
        own = (top / told.removeprefix("gitdir:").strip()).resolve()
    told = (read_text(str(own / "commondir")) or "").strip()
    return own, (own / told).resolve() if told else own


def _remote(shared: Path) -> tuple[str, str | None]:
    """``origin``, else the first remote."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(
            "\n".join(_bare(line) for line in (read_text(str(shared / "config")) or "").split("\n"))
        )
    except configparser.Error:
        return "origin", None
    found = {name[1]: parser.get(section, "url", fallback=None) for section in parser.sections()
             if (name := _REMOTE.fullmatch(section))}  # fmt: skip
    named = {name: url.strip().strip('"') for name, url in found.items() if url}
    if "origin" in named:
        return "origin", named["origin"]
    return next(iter(named.items()), ("origin", None))


def _bare(line: str) -> str:
    """Git indents settings, and Python's reader would take that for the line before going on."""
    return line.strip()


def _branch(own: Path, shared: Path, remote: str) -> str | None:
    """The branch that is checked out, where the remote has it and is known to have another one as default."""
    head = (read_text(str(own / "HEAD")) or "").strip()
    default = (read_text(str(shared / "refs/remotes" / remote / "HEAD")) or "").strip()
    beginning = f"ref: refs/remotes/{remote}/"
    if not head.startswith(_HEAD) or not default.startswith(beginning):
        return None
    branch = head.removeprefix(_HEAD)
    packed = read_text(str(shared / "packed-refs")) or ""
    has_it = (shared / "refs/remotes" / remote / branch).is_file() or re.search(
        rf" refs/remotes/{re.escape(remote)}/{re.escape(branch)}$", packed, re.MULTILINE
    )
    return branch if has_it and branch != default.removeprefix(beginning) else None
