"""Values that are text: names, paths, addresses, signals. What makes one good, and in which words it is bad.

Each check takes text whose size and encoding are fine (values.py), and no refusal ever holds the value.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pod_wire.job import ExitPolicy
from pod_wire.key_text import private_key
from pod_wire.near import nearest
from pod_wire.source import NoSource, SourceKind, read_source
from pod_wire.variable import NAME_LIMIT, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value = str | bool | int | float | ExitPolicy

_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\Z")
_REF_BAD: Final = re.compile(r"[\s~^:?*\[\\\x00-\x1f\x7f]|\.\.|@\{|//|/\Z|\.lock\Z|\.\Z")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SHA256: Final = re.compile(r"sha256:[0-9a-fA-F]{64}\Z")
_LEAST_TOKEN: Final = 8
_LINUX: Final = (
    "ABRT ALRM BUS CHLD CONT FPE HUP ILL INT IO PIPE PROF PWR QUIT RTMAX RTMIN SEGV STKFLT SYS TERM TRAP TSTP "
    "TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ"
)
SIGNALS: Final = tuple(_LINUX.split())  # Linux's, wherever this is read: the training runs there


class BadValue(Exception):
    """A value that cannot be; ``problem`` and ``remedy`` are in words and never hold it."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def _name(text: str) -> str:
    if len(text) > NAME_LIMIT:
        raise BadValue(f"is longer than {NAME_LIMIT} characters")
    if not _NAME.match(text):
        raise BadValue("may hold letters, digits, '.', '_' and '-' only, and not begin with '.'")
    return text


def _repo(text: str) -> str:
    if text.startswith("-"):
        raise BadValue("must not begin with '-'")
    if _CONTROL.search(text):
        raise BadValue("holds a control character")
    if re.match(r"[A-Za-z0-9+.-]+::", text):
        raise BadValue(
            "names a git remote helper, which is not run here", "use an https, ssh or file address"
        )
    try:
        parts = urlsplit(text)
        login, host = parts.username or "", parts.hostname
        has_password = parts.password is not None
    except ValueError:
        raise BadValue("is not a well-formed URL") from None
    try:
        kind = read_source(text).kind
    except NoSource as error:
        raise BadValue(error.problem, error.remedy) from None
    if "://" not in text:
        return text  # user@host:path, or a path
    if has_password or (login and parts.scheme not in {"ssh", "git+ssh"}):
        raise BadValue(
            "holds credentials", "take them out of the URL and set POD_GIT_TOKEN, for github.com GITHUB_TOKEN"
        )
    if not host and parts.scheme != "file":
        raise BadValue("is not a well-formed URL")
    if kind is SourceKind.GIT and (parts.query or parts.fragment):
        raise BadValue(
            "has a part after '?' or '#', which a git address has not",
            "end it with the repository's name; a login goes into POD_GIT_TOKEN, a branch into POD_REF",
        )
    return text


def _ref(text: str) -> str:
    if text.startswith("-"):
        raise BadValue("must not begin with '-'")
    if text.startswith("/") or _REF_BAD.search(text):
        raise BadValue("is not a branch, tag or commit that git allows")
    return text


def _below(text: str, *, what: str) -> str:
    if _CONTROL.search(text):
        raise BadValue("holds a control character")
    if text.startswith(("/", "~")):
        raise BadValue(f"must be a {what} below the code's root, not an absolute path")
    if ".." in text.split("/"):
        raise BadValue(f"must be a {what} below the code's root, without '..'")
    return posixpath.normpath(text)


def _glob(text: str) -> str:
    _below(text, what="pattern")
    return text


def _one_line(text: str) -> str:
    if "\n" in text.strip() or "\r" in text.strip():
        raise BadValue("must be one line")
    return text.strip()


def _signal(text: str) -> str:
    name = text.upper().removeprefix("SIG")
    if name in {"KILL", "STOP"}:
        raise BadValue("must be a signal that a program can handle, not KILL or STOP")
    if name not in SIGNALS:
        meant = nearest(name, SIGNALS)
        raise BadValue("is no signal's name", f"did you mean {meant}?" if meant else "e.g. TERM, INT, USR1")
    return name


def _policy(text: str) -> ExitPolicy:
    try:
        return ExitPolicy(text.lower())
    except ValueError:
        raise BadValue("must be stop, terminate, keep, auto or exit") from None


def _progress(text: str) -> str:
    if "(?P<" not in text:
        return text
    try:
        groups = re.compile(text).groupindex
    except (re.error, OverflowError, RecursionError):
        raise BadValue(
            "is no regular expression", r"e.g. at (?P<step>\d+) of (?P<total>\d+), or a command"
        ) from None
    if not groups.keys() & {"step", "epoch", "loss"}:
        raise BadValue("names none of the groups step, epoch, loss", "e.g. at (?P<step>\\d+)")
    return text


def _token(text: str) -> str:
    if text.startswith("sha256:"):
        if not _SHA256.match(text):
            raise BadValue("must be sha256: and 64 hex digits")
    elif len(text) < _LEAST_TOKEN:
        raise BadValue(
            f"is shorter than {_LEAST_TOKEN} characters", "the proxy is public: use a long random one"
        )
    elif not (text.isascii() and text.isprintable()) or " " in text:
        raise BadValue("may hold printable ASCII characters without spaces only")
    return text


def _login(text: str) -> str:
    user, colon, password = text.partition(":")
    if _CONTROL.search(text) or " " in text:
        raise BadValue("holds a space or a control character", "give the token alone, or user:token")
    if colon and not (user and password):
        raise BadValue("has nothing on one side of its colon", "give the token alone, or user:token")
    if "://" in text:
        raise BadValue("is an address", "give the token alone, or user:token")
    return text


def _key(text: str) -> str:
    if "PUBLIC KEY" in text or re.match(r"(ssh|ecdsa|sk)-\S+ ", text):
        raise BadValue("is a public key", "give the private half; the public one belongs to the git host")
    if private_key(text) is None:
        raise BadValue(
            "is not a private key from -----BEGIN to -----END",
            "give the file that ssh-keygen wrote, or base64 of it",
        )
    return text


def _workspace(text: str) -> str:
    if not text.startswith("/") or _CONTROL.search(text):
        raise BadValue("must be an absolute folder")
    if ".." in text.split("/"):
        raise BadValue("must not hold '..'")
    return "/" + posixpath.normpath(text).lstrip("/")


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, login = parts.hostname, parts.username or parts.password
        parts.port  # noqa: B018 - raises ValueError when it is no port
    except ValueError:
        raise BadValue("is not a well-formed URL") from None
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or not text.isascii()
        or not text.isprintable()
        or " " in text
    ):
        raise BadValue("must be an http or https URL")
    if login:
        raise BadValue("holds credentials", "the pod's own key is used")
    if parts.query or parts.fragment:
        raise BadValue("must not have a query or fragment")
    return text.rstrip("/")


def _file(text: str) -> str:
    return _below(text, what="file") if text else ""


def _folder(text: str) -> str:
    return _below(text, what="folder")


def _stripped(read: Callable[[str], Value]) -> Callable[[str], Value]:
    return lambda text: read(text.strip())


TEXTS: Final[Mapping[Kind, Callable[[str], Value]]] = {
    Kind.NAME: _stripped(_name),
    Kind.REPO: _stripped(_repo),
    Kind.REF: _stripped(_ref),
    Kind.FOLDER: _stripped(_folder),
    Kind.FILE: _stripped(_file),
    Kind.GLOB: _stripped(_glob),
    Kind.COMMAND: lambda text: text.strip("\n"),
    Kind.TEXT: _one_line,
    Kind.PROGRESS: lambda text: _progress(_one_line(text)),
    Kind.SIGNAL: _stripped(_signal),
    Kind.POLICY: _stripped(_policy),
    Kind.TOKEN: _stripped(_token),
    Kind.LOGIN: _stripped(_login),
    Kind.KEY: _stripped(_key),
    Kind.WORKSPACE: _stripped(_workspace),
    Kind.URL: _stripped(_url),
}
