"""What a requirements file asks for, as one hash: nested files, local packages and moving git refs included.

Reads files only; resolving a git ref is the caller's, as it may need a network.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import shlex
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NESTED = re.compile(r"^(?:-r|-c|--requirement|--constraint)(?:\s*=\s*|\s+|(?=[^\s-]))(?P<path>.+)$")
_EDITABLE = re.compile(r"^(?:-e|--editable)(?:\s*=\s*|\s+)(?P<path>.+)$")
_GIT = re.compile(r"git\+(?P<url>[a-z+]+://[^\s#;]+)")
_SHA = re.compile(r"[0-9a-f]{40}")
_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_SOURCES = (
    ".py",
    ".pyx",
    ".pyi",
    ".c",
    ".cc",
    ".cpp",
    ".cu",
    ".cuh",
    ".h",
    ".hpp",
    ".rs",
    ".toml",
    ".cfg",
    ".txt",
)
_LARGE = 1 << 20
_SKIPPED = {"__pycache__", "node_modules", "build", "dist", "venv", "env"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was read: the text's hash, the git refs that may move, the files that were not there."""

    digest: str = ""
    moving: tuple[tuple[str, str], ...] = ()  # (url, ref)
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class Reader:
    """Reads what package lists depend on, each file once."""

    hashed: hashlib._Hash = field(default_factory=hashlib.sha256)
    seen: set[Path] = field(default_factory=set)
    moving: dict[tuple[str, str], None] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def wanted(self) -> Wanted:
        return Wanted(self.hashed.hexdigest(), tuple(self.moving), tuple(self.missing))

    def add(self, *parts: bytes) -> None:
        for part in parts:
            self.hashed.update(len(part).to_bytes(8, "big") + part)

    def file(self, path: Path, folder: Path) -> None:
        """A requirements or constraints file; ``folder`` is where pip runs: local paths begin there."""
        if path in self.seen:
            return
        self.seen.add(path)
        try:
            data = path.read_bytes()
        except OSError:
            self.missing.append(str(path))
            return
        self.add(path.name.encode(), data)
        for line in lines(text_of(data)):
            self.line(line, path, folder)

    def plain(self, path: Path) -> str:
        """A file that is taken as it is; its text, empty where there is none."""
        try:
            data = path.read_bytes()
        except OSError:
            self.missing.append(str(path))
            return ""
        self.add(path.name.encode(), data)
        return data.decode("utf-8", "replace")

    def line(self, line: str, path: Path, folder: Path) -> None:
        nested = NESTED.match(line)
        if nested:
            name = nested["path"].strip().strip("'\"")
            if "://" not in name:
                self.file(path.parent / name, folder)
            return
        editable = _EDITABLE.match(line)
        word = (editable["path"] if editable else line).strip().strip("'\"")
        for found in _GIT.finditer(word):
            url, ref = _split_ref(found["url"])
            if not _SHA.fullmatch(ref):
                self.moving[url, ref] = None
        local = _local(word, folder)
        if local is not None:
            self.package(local, whole=editable is None)
            if editable:  # the environment holds where it lies
                self.add(os.fsencode(local.absolute()))

    def package(self, place: Path, *, whole: bool) -> None:
        """A package in a folder or an archive. An editable one changes only by what builds it."""
        if place.is_file():
            found = place.stat()
            self.add(place.name.encode(), f"{found.st_size} {found.st_mtime_ns}".encode())
            return
        names = _sources(place) if whole else (place / name for name in _PROJECT_FILES)
        for name in names:
            if name.is_file():
                self.add(os.fsencode(name.relative_to(place)), _content(name))


def read(files: Iterable[Path], folder: Path) -> Wanted:
    """Everything that requirements files depend on, read in one go."""
    reader = Reader()
    for path in files:
        reader.file(path, folder)
    return reader.wanted()


def text_of(data: bytes, errors: str = "replace") -> str:
    """As pip reads it: other programs than editors write requirements in UTF-16 too."""
    known = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    encoding = next((name for mark, name in known if data.startswith(mark)), "utf-8")
    return data.decode(encoding, errors)


def lines(text: str) -> Iterator[str]:
    """Logical lines: continued ones joined, comments and blanks left out."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        if bare:
            yield bare


def resolve(wanted: Wanted, ask: Callable[[str, str], str | None]) -> dict[str, str | None]:
    """What each moving git ref points at now; None where nobody answers."""
    return {f"{url}@{ref}": ask(url, ref) for url, ref in wanted.moving}


def _content(path: Path) -> bytes:
    """A source file; of what is too large to be one, its beginning and its size."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return file.read(_LARGE) + (str(size).encode() if size > _LARGE else b"")
    except OSError:
        return b""


def _split_ref(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    place, at, ref = rest.rpartition("@")
    if at and "/" in place:
        return f"{scheme}://{place}", ref
    return url, "HEAD"


def _local(word: str, folder: Path) -> Path | None:
    """The folder or archive on this machine that a line names, if it does."""
    text = word.split(" @ ", 1)[-1].strip()
    try:
        text = shlex.split(text)[0]
    except (ValueError, IndexError):
        return None
    text = text.split(";", 1)[0].removeprefix("file://")
    bare = re.sub(r"\[[^\]]*\]$", "", text)
    looks_local = bare.startswith((".", "/")) or "/" in bare or bare.endswith((".whl", ".tar.gz", ".zip"))
    if "://" in bare or not looks_local:
        return None
    place = folder / bare
    return place if place.exists() else None


def _sources(place: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        for name in sorted(names):
            if name.endswith(_SOURCES):
                yield Path(top, name)
