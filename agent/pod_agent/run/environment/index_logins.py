"""Keeps the login of a package index out of pip's arguments.

For a package that it builds, pip starts itself again with the index's URL as an argument, login included, where every
process can read it. So pip gets the URL without, and the login as a netrc that lies in memory only. uv does no such
thing and keeps its variables. A login that a netrc cannot say stays where it is.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAMES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")
_PLAIN = re.compile(r"[^\s\"'#\\]+")  # what a netrc says without quoting


@contextlib.contextmanager
def hidden(env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment for pip, without logins in URLs; they are in memory for as long as this lasts."""
    logins: dict[str, tuple[str, str]] = {}
    changed = {name: _without(env[name], logins) for name in NAMES if env.get(name)}
    if not logins:
        yield dict(env)
        return
    lines = [f"machine {host} login {user} password {word}" for host, (user, word) in logins.items()]
    fd = os.memfd_create("netrc")
    try:
        os.write(fd, ("\n".join(lines) + "\n" + _users(env)).encode("utf-8", "surrogateescape"))
        yield {**env, **changed, "NETRC": f"/proc/{os.getpid()}/fd/{fd}"}
    finally:
        os.close(fd)


def _without(value: str, logins: dict[str, tuple[str, str]]) -> str:
    """A list of URLs without the logins that could be noted."""
    return " ".join(_one(word, logins) for word in value.split())


def _one(url: str, logins: dict[str, tuple[str, str]]) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return url
    login, at, place = parts.netloc.rpartition("@")
    if not at or not host or parts.scheme not in {"http", "https"}:
        return url
    user, _, word = login.partition(":")
    found = unquote(user), unquote(word)
    if not all(_PLAIN.fullmatch(part) for part in found) or logins.get(host, found) != found:
        return url
    logins[host] = found
    return urlunsplit(parts._replace(netloc=place))


def _users(env: Mapping[str, str]) -> str:
    """The user's own netrc, which ours stands in for."""
    home = env.get("HOME", "/root")
    for path in (env.get("NETRC"), f"{home}/.netrc", f"{home}/_netrc"):
        with contextlib.suppress(OSError):
            if path:
                return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    return ""
