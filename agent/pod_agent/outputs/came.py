"""What came with the code from elsewhere than git: each file as we put it there, in a manifest inside the tree.

Git has its index for that. Read by those who must tell the code's files from the run's; written by ``run/code``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLACE = ".podkeep-code"  # in the tree: the manifest, what is being fetched, what was saved aside
MANIFEST = "manifest.json"
HALF = "half.json"  # the manifest of what is being put in place
ID = "id"  # written last: what lies in the tree wholly
_FORMAT = 1
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Came:
    """One file or link. ``link`` is a link's target; a link has no digest."""

    size: int = 0
    mtime_ns: int = 0
    sha256: str = ""
    link: str | None = None

    def is_at(self, path: Path) -> bool:
        """Whether it still lies there as we put it; the content is read only where the time alone has changed."""
        try:
            seen = path.lstat()
            if self.link is not None:
                return stat.S_ISLNK(seen.st_mode) and str(path.readlink()) == self.link
            if not stat.S_ISREG(seen.st_mode) or seen.st_size != self.size:
                return False
            return seen.st_mtime_ns == self.mtime_ns or digest(path) == self.sha256
        except OSError:
            return False

    def is_untouched(self, path: Path) -> bool:
        """The same without reading: a file that was written again counts as touched."""
        try:
            seen = path.lstat()
        except OSError:
            return False
        return stat.S_ISREG(seen.st_mode) and (seen.st_size, seen.st_mtime_ns) == (self.size, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that came at once. ``origin`` and ``validator`` let the next order ask whether there is more."""

    id: str
    files: Mapping[str, Came] = field(default_factory=dict)  # by the name below the tree
    origin: str = ""  # a digest of where it came from: an address may hold a secret
    validator: str = ""  # the server's own name for this state

    @classmethod
    def read(cls, tree: Path, name: str = MANIFEST) -> Manifest | None:
        """None where there is none, or none that can be read: then nothing of it is known to be ours."""
        try:
            plain = json.loads((tree / PLACE / name).read_bytes())
            if plain["format"] != _FORMAT:
                return None
            files = {key: Came(*value) for key, value in plain["files"].items() if _is_below(key)}
            return cls(str(plain["id"]), files, str(plain["origin"]), str(plain["validator"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, tree: Path, name: str = MANIFEST) -> None:
        files = {key: [one.size, one.mtime_ns, one.sha256, one.link] for key, one in self.files.items()}
        plain = {
            "format": _FORMAT, "id": self.id, "origin": self.origin, "validator": self.validator, "files": files
        }  # fmt: skip
        write_whole(tree / PLACE / name, json.dumps(plain).encode())


def _is_below(name: str) -> bool:
    """Whether a name stays in the tree. A manifest may have come with a repository, and names what we may remove."""
    return bool(name) and not name.startswith("/") and ".." not in name.split("/")


def lies_there(tree: Path, wanted: str) -> bool:
    """Whether this was put there wholly. One small read: a restart has a second."""
    try:
        return (tree / PLACE / ID).read_text(encoding="utf-8") == wanted
    except (OSError, UnicodeDecodeError):
        return False


def names_at(folder: Path, endings: tuple[str, ...]) -> Iterator[str]:
    """Files of the code with these endings that lie below ``folder`` untouched; names are relative to it."""
    for top in (folder, *folder.parents):
        if not (top / PLACE / MANIFEST).exists():
            continue
        manifest = Manifest.read(top)
        below = "" if top == folder else f"{folder.relative_to(top).as_posix()}/"
        for name, one in () if manifest is None else manifest.files.items():
            if name.endswith(endings) and name.startswith(below) and one.is_untouched(top / name):
                yield name.removeprefix(below)
        return


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def write_whole(path: Path, data: bytes) -> None:
    """A file that is there wholly or as it was before."""
    import tempfile  # noqa: PLC0415 - brings half the library along, and only who writes needs it

    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
