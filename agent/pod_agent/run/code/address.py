"""Addresses of git repositories: what is https, what is ssh, what a relative one means, how one is shown.

Pure: no login is chosen here (logins.py), and nothing is asked of a server.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pod_wire.frozen import dataclass

_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[^\]]+\]|[^/:@]+):(?P<path>.*)")
_SSH_SCHEMES = frozenset({"ssh", "git+ssh", "ssh+git"})


@dataclass(frozen=True, slots=True)
class SshAddress:
    """``user@host:path`` or ``ssh://user@host:port/path``, taken apart."""

    user: str
    host: str
    port: int | None
    path: str

    @property
    def as_https(self) -> str:
        """The same repository as git hosts serve it over https."""
        return f"https://{self.host}/{self.path.lstrip('/').removeprefix('~/')}"


def ssh_address(repo: str) -> SshAddress | None:
    """The parts of an ssh address in either spelling; None for any other address."""
    if "://" in repo:
        parts = _split(repo)
        if parts is None or parts.scheme not in _SSH_SCHEMES or not parts.hostname:
            return None
        try:
            port = parts.port
        except ValueError:
            return None
        return SshAddress(parts.username or "", parts.hostname, port, parts.path)
    found = _SCP.fullmatch(repo)
    if found is None or repo.startswith(("/", ".")):
        return None
    return SshAddress(found["user"] or "", found["host"], None, found["path"])


def is_local(repo: str) -> bool:
    """Whether it is a path of this machine."""
    return repo.startswith("file://") or ("://" not in repo and ssh_address(repo) is None)


def host_of(repo: str) -> str:
    """The host's name, for people; empty for a path."""
    ssh = ssh_address(repo)
    parts = _split(repo)
    return ssh.host if ssh else (parts.hostname or "" if parts and "://" in repo else "")


def origin_of(repo: str) -> str | None:
    """``scheme://host[:port]`` that a login may be given to: https, or http of this very machine; else None."""
    ssh = ssh_address(repo)
    if ssh is not None:
        return f"https://{ssh.host}"
    parts = _split(repo)
    if parts is None or not parts.hostname:
        return None
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"
    return None


def without_login(repo: str) -> tuple[str, str, str]:
    """The address as it may be shown and given to git, and the user and password that stood in it."""
    parts = _split(repo)
    if parts is None or parts.scheme not in {"http", "https"}:
        return repo, "", ""
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    return bare, parts.username or "", parts.password or ""


def relative_to(base: str, url: str) -> str:
    """What a submodule's ``../lib.git`` means beside the repository at ``base``, as git says it."""
    if not url.startswith(("./", "../")):
        return url
    base = base.rstrip("/")
    while url.startswith(("./", "../")):
        up = url.startswith("../")
        url = url[3:] if up else url[2:]
        if up:
            base = _parent(base)
    glue = "" if base.endswith(":") else "/"
    return (base + glue + url).rstrip("/")


def _parent(base: str) -> str:
    """One step up, but never above the host."""
    if "://" in base:
        host_ends = base.find("/", base.index("://") + 3)
        return base if host_ends < 0 else base[: base.rindex("/")]
    slash = base.rfind("/")
    if slash >= 0:
        return base[:slash] or "/"
    return base[: base.rfind(":") + 1] or base


def _split(repo: str) -> SplitResult | None:
    try:
        return urlsplit(repo)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
