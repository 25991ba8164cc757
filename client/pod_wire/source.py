"""What kind of place a repository's text names: git, an archive, a Hub repository, an uploaded tree, a path of the pod.

The one place that decides it, for laptop and pod alike. Pure: nothing is looked up here.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from pod_wire.frozen import dataclass
from pod_wire.near import distance

TREE_SCHEME: Final = "tree:"
HUB_SCHEME: Final = "hf://"
ARCHIVES: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".zip")
_GITHUB_ARCHIVE: Final = re.compile(
    r"https://(api\.github\.com/repos/[^/]+/[^/]+/(tarball|zipball)(/|\Z)"
    r"|codeload\.github\.com/[^/]+/[^/]+/(legacy\.)?(tar\.gz|zip)/)"
)
_GIT_SCHEMES: Final = frozenset({"https", "http", "ssh", "git", "file", "git+ssh", "git+https"})
_SCP: Final = re.compile(r"(?P<host>(?:[^@/:]+@)?[^/:@]+):(?P<path>.*)")
_HUB_KINDS: Final = {"datasets": "dataset", "models": "model", "spaces": "space"}
_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_HUB_REV: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NEAR: Final = 2
_HUB_SHAPE: Final = (
    "write hf://datasets/user/name, hf://models/user/name or hf://spaces/user/name, with @revision"
)
_STORES: Final = frozenset({"s3", "gs", "gcs", "az", "ftp", "ftps", "sftp", "scp", "rsync"})


class SourceKind(StrEnum):
    """How the code comes to the pod."""

    GIT = "git"
    ARCHIVE = "archive"  # over HTTP, or a file of the pod
    HUB = "hub"
    TREE = "tree"  # sent by pod-client
    PATH = "path"  # absolute on the pod: a repository to clone, or a folder to run in; the pod looks


class NoSource(Exception):
    """A text that names no place; ``problem`` and ``remedy`` never hold it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class HubPlace:
    """A repository of the Hugging Face Hub; ``kind`` is dataset, model or space."""

    kind: str
    name: str
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A text and its kind; ``hub`` and ``digest`` where the kind has them."""

    kind: SourceKind
    text: str
    hub: HubPlace | None = None
    digest: str | None = None

    @property
    def shown(self) -> str:
        """As a message may hold it: what stands behind a question mark may be a signature."""
        return self.text.partition("?")[0] if "://" in self.text else self.text


def read_source(text: str) -> Source:
    """The kind of a text, or NoSource. Credentials and control characters are the parse's to refuse."""
    if text.startswith(TREE_SCHEME):
        return _tree(text)
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme in {"hf", "huggingface"}:
        return Source(SourceKind.HUB, text, hub=_hub(text.partition("://")[2]))
    if scheme in {"http", "https"}:
        path = urlsplit(text).path.lower()
        is_archive = path.endswith(ARCHIVES) or _GITHUB_ARCHIVE.match(text) is not None
        return Source(SourceKind.ARCHIVE if is_archive else SourceKind.GIT, text)
    if scheme and scheme not in _GIT_SCHEMES:
        raise _unknown(scheme)
    if text.startswith("/"):
        kind = SourceKind.ARCHIVE if text.lower().endswith(ARCHIVES) else SourceKind.PATH
        return Source(kind, text)
    return Source(SourceKind.GIT, text)


def stem_of(text: str) -> str:
    """The last word of where the code comes from, without what changes from one order to the next."""
    path = text.partition("?")[0].rstrip("/")
    if text.startswith(TREE_SCHEME):
        return "tree"
    if text.startswith(HUB_SCHEME):
        path = path.partition("@")[0]
    last = re.split(r"[/:]", path)[-1]
    ending = max((end for end in (*ARCHIVES, ".git") if last.lower().endswith(end)), key=len, default="")
    return last[: len(last) - len(ending)]


def is_same_place(one: str | None, other: str | None) -> bool:
    """Whether two texts name the same repository, however spelt; nobody knows what a sent tree is of."""
    if TREE_SCHEME in {(text or "")[: len(TREE_SCHEME)] for text in (one, other)}:
        return True
    return _place(one) == _place(other)


def _place(text: str | None) -> str | None:
    """``host/path`` of a repository; an archive's name holds its version, so its folder tells."""
    if text is None:
        return None
    rest = text.partition("?")[0].partition("#")[0]
    scheme, has_scheme, after = rest.partition("://")
    if scheme.lower() in {"hf", "huggingface"}:
        return "hf:" + after.partition("@")[0].rstrip("/").removeprefix("models/").lower()
    if has_scheme and scheme.lower() != "file":
        host, _, path = after.partition("/")
    elif not has_scheme and (found := _SCP.fullmatch(rest)):
        host, path = found["host"], found["path"]
    else:
        return (after if has_scheme else rest).rstrip("/").removesuffix(".git")
    host = re.sub(r":\d*\Z", "", host.rpartition("@")[2]).removeprefix("www.").lower()
    path = path.strip("/").removeprefix("~/").removesuffix(".git")
    words = path.lower().split("/")
    return "/".join([host, *(words[:-1][:2] if _is_archive(text) else words)])


def _is_archive(text: str) -> bool:
    return text.partition("?")[0].lower().endswith(ARCHIVES) or _GITHUB_ARCHIVE.match(text) is not None


def tree_text(digest: str) -> str:
    """The text that names an uploaded tree."""
    return f"{TREE_SCHEME}{digest}"


def is_digest(text: str) -> bool:
    """Whether this is a sha256 in small hex digits: nothing else may become part of a path."""
    return _DIGEST.fullmatch(text) is not None


def _tree(text: str) -> Source:
    digest = text.removeprefix(TREE_SCHEME)
    if not is_digest(digest):
        raise NoSource("names a tree by something else than a sha256", "pod-client up --tree writes it")
    return Source(SourceKind.TREE, text, digest=digest)


def _hub(rest: str) -> HubPlace:
    name, at, revision = rest.rstrip("/").partition("@")
    parts = name.split("/")
    kind = "model"
    if parts[0] in _HUB_KINDS:
        kind = _HUB_KINDS[parts.pop(0)]
    elif len(parts) > 2 and (meant := _near_kind(parts[0])):  # noqa: PLR2004 - user and name
        raise NoSource("names a kind of Hub repository that there is not", f"did you mean hf://{meant}/?")
    good = len(parts) == 2 and all(_HUB_NAME.fullmatch(part) for part in parts)  # noqa: PLR2004
    if not good or any(part.endswith(("-", ".", ".git")) or ".." in part or "--" in part for part in parts):
        raise NoSource("is no repository of the Hugging Face Hub", _HUB_SHAPE)
    if at and (not _HUB_REV.fullmatch(revision) or ".." in revision):
        raise NoSource("has a revision that the Hub does not know", _HUB_SHAPE)
    return HubPlace(kind, "/".join(parts), revision or None)


def _near_kind(word: str) -> str | None:
    return next((kind for kind in _HUB_KINDS if distance(word.lower(), kind) <= _NEAR), None)


def _unknown(scheme: str) -> NoSource:
    if scheme in _STORES:
        return NoSource(
            "is an address from which code is not fetched",
            "give a git repository, an https:// address of a .tar.gz or .zip, or hf://; or send it: --tree",
        )
    return NoSource(
        "is an address of a kind that is not known",
        "known: https, http, ssh, git and file for git; https for .tar.gz and .zip; hf; an absolute path of the pod",
    )
