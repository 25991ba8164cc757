"""Keeps the login of a package index out of pip's arguments.

For a package that it builds, pip starts itself again with the index's URL as an argument, login included, where every
process can read it. So pip gets the URL without, and the login as a netrc that lies in memory only; a requirements file
that holds one is copied without it. uv does no such thing and keeps its variables. A login that a netrc cannot say
stays where it is.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from pod_agent.run.environment.index_lists import Lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pod_agent.run.environment.kinds.kind import Target

NAMES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")
_PLAIN = re.compile(r"[^\s\"'#\\]+")  # what every netrc says without quoting
_QUOTING = (3, 11)  # since this Python a netrc may quote, and leave a password empty


@dataclass(slots=True)
class Logins:
    """What was taken out of URLs, by host; and the hosts whose login had to stay."""

    quoting: bool = False
    taken: dict[str, tuple[str, str]] = field(default_factory=dict)
    left: dict[str, None] = field(default_factory=dict)

    def without(self, url: str) -> str:
        """The URL without its login, if that could be noted."""
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
        can_say = self.quoting or all(_PLAIN.fullmatch(part) for part in found)
        if not can_say or self.taken.get(host, found) != found:
            self.left[host] = None
            return url
        self.taken[host] = found
        return urlunsplit(parts._replace(netloc=place))

    def netrc(self) -> str:
        lines = (
            f"machine {host} login {_quoted(user)} password {_quoted(word)}\n"
            for host, (user, word) in self.taken.items()
        )
        return "".join(lines)


@contextlib.contextmanager
def kept_from(into: Target, words: Sequence[str], folder: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The environment and the words for pip in this environment: no login in a URL, for as long as this lasts."""
    place = into.place.with_name(f".lists-{into.place.name}")
    logins = Logins(_can_quote(into.place))
    try:
        told = Lists(place, into.env, logins.without).words(words, folder)
        with hidden(into.env, logins) as env:
            for host in logins.left:
                into.work.say(
                    f"podkeep: the login of {host} shows in pip's arguments while it builds packages: "
                    "give one user name and one plain password for it, or use an image with Python 3.11 or later"
                )
            yield env, told
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def hidden(env: Mapping[str, str], logins: Logins) -> Iterator[dict[str, str]]:
    """The environment for pip, without logins in URLs; they are in memory for as long as this lasts."""
    changed = {
        name: " ".join(logins.without(url) for url in env[name].split()) for name in NAMES if env.get(name)
    }
    if not logins.taken:
        yield dict(env)
        return
    fd = os.memfd_create("netrc")
    try:
        os.write(fd, f"{_users(env)}\n\n{logins.netrc()}".encode("utf-8", "surrogateescape"))
        yield {**env, **changed, "NETRC": f"/proc/{os.getpid()}/fd/{fd}"}
    finally:
        os.close(fd)


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _can_quote(place: Path) -> bool:
    """By the Python that lies there."""
    names = [path.name.removeprefix("python") for path in place.glob("lib/python3.*")]
    versions = [tuple(map(int, name.split("."))) for name in names if re.fullmatch(r"3\.\d+", name)]
    return bool(versions) and min(versions) >= _QUOTING


def _users(env: Mapping[str, str]) -> str:
    """The user's own netrc, which ours stands in for."""
    home = env.get("HOME", "/root")
    for path in (env.get("NETRC"), f"{home}/.netrc", f"{home}/_netrc"):
        with contextlib.suppress(OSError):
            if path:
                return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    return ""
