"""Unpacks an archive into a new folder, trusting nothing that it says.

No name leads out, nothing is written through a link (links come last), no devices, never more than the disk has free.
Where the files go from there is placing's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pod_agent.outputs.came import PLACE, Came
from pod_agent.run.work import StepCancelled, StepFailed
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    import tarfile
    import zipfile
    from collections.abc import Callable, Iterator

    from pod_agent.run.work import Work

MOST = 300_000  # names: the readers keep each in memory
RESERVE = 64 << 20  # bytes of the disk that are left to others
_BLOCK = 1 << 20
_MOST_AFTER_END = 64  # blocks
_NOISE = ("__MACOSX", "pax_global_header")
_ZSTD = b"\x28\xb5\x2f\xfd"
_PAGE = re.compile(
    rb"\s*<[^\x00-\x08\x0e-\x1a\x1c-\x1f]*\Z"
)  # text to its end, as no tar is that holds <a>.py


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of an archive. ``link`` is a symlink's target, ``twin`` the earlier file that a hard link repeats."""

    name: str
    mode: int = 0o644
    open: Callable[[], IO[bytes]] | None = None
    link: str | None = None
    twin: str | None = None
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Where it lies, what it is, and what was left out."""

    root: Path
    files: dict[str, Came]
    left_out: tuple[str, ...]


def unpack(archive: Path, into: Path, work: Work, *, shown: str, strips: bool) -> Unpacked:
    """Everything of ``archive`` in the new folder ``into``; ``strips`` takes off a single top folder."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    writer = _Writer(into, work, shown)
    try:
        for entry in _entries(archive, shown):
            work.beat()
            writer.take(entry)
    except (StepFailed, StepCancelled):
        raise
    except Exception as error:  # the readers of archives raise whatever a damaged one leads them to
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's own
        raise damaged(shown, error) from error
    return writer.finish(strips=strips)


def damaged(shown: str, error: Exception) -> StepFailed:
    words = str(error) or type(error).__name__
    return StepFailed(
        f"cannot unpack {shown}: it is damaged, or no archive ({words[:120]})",
        "make it anew, and send it whole",
    )


class _Writer:
    def __init__(self, into: Path, work: Work, shown: str) -> None:
        self._into = into
        self._work = work
        self._shown = shown
        self._room = max(0, shutil.disk_usage(into).free - RESERVE)
        self._folders: set[Path] = {into}
        self._files: dict[str, tuple[str, int]] = {}  # digest and size
        self._links: dict[str, str] = {}
        self._left_out: list[str] = []
        self._count = 0

    def take(self, entry: Entry) -> None:
        self._count += 1
        if self._count > MOST:
            raise StepFailed(
                f"cannot unpack {self._shown}: it holds more than {MOST} names",
                "keep data apart from the code, e.g. as one archive that the command unpacks",
            )
        name = self._clean(entry.name)
        if not name or name.split("/")[0] in _NOISE:
            return
        if name in self._links:
            raise self._twice(name)
        path = self._into / name
        if entry.is_folder:
            self._folder(path)
        elif entry.link is not None:
            if os.path.lexists(path):
                raise self._twice(name)
            self._links[name] = entry.link
        elif entry.twin is not None:
            twin = self._twin(entry.twin)
            if twin != name:  # tar says so of a file that it was given twice
                self._file(name, path, entry.mode, (self._into / twin).open("rb"))
        elif entry.open is not None:
            self._file(name, path, entry.mode, entry.open())
        else:
            self._left_out.append(name)

    def finish(self, *, strips: bool) -> Unpacked:
        """Without the top folder where all lies in one, and with the links, as far as they stay inside."""
        root, below = self._into, ""
        tops = {name.partition("/")[0] for name in (*self._files, *self._links)}
        if strips and len(tops) == 1 and (self._into / (top := tops.pop())).is_dir():
            root, below = self._into / top, f"{top}/"
        made = [name for name, target in self._links.items() if self._link(name, target, root)]
        inside = root.resolve()
        for name in list(made):
            leads = Path(os.path.realpath(self._into / name))  # unlike resolve, it bears links that go round
            if not leads.is_relative_to(inside):  # by way of another link
                (self._into / name).unlink()
                self._left_out.append(name)
                made.remove(name)
        files = {name.removeprefix(below): self._came(name) for name in self._files}
        files |= {name.removeprefix(below): Came(link=self._links[name]) for name in made}
        files = {name: one for name, one in files.items() if not name.startswith(PLACE.partition("-")[0])}
        return Unpacked(root, files, tuple(self._left_out))

    def _came(self, name: str) -> Came:
        sha256, size = self._files[name]
        return Came(size, (self._into / name).lstat().st_mtime_ns, sha256)

    def _clean(self, name: str) -> str:
        parts = [part for part in name.split("/") if part not in {"", "."}]
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise StepFailed(
                f"cannot unpack {self._shown}: it holds a name that leads out of its folder",
                "it may be meant to do harm; make it anew from the folder above your code",
            )
        try:
            os.fsencode(name)
        except UnicodeEncodeError:
            raise StepFailed(
                f"cannot unpack {self._shown}: it holds a name that no disk takes", "rename that file"
            ) from None
        return "/".join(parts)

    def _twin(self, name: str) -> str:
        clean = self._clean(name)
        if clean not in self._files:
            raise ValueError("a hard link to a file that did not come before it")
        return clean

    def _twice(self, name: str) -> StepFailed:
        return StepFailed(
            f"cannot unpack {self._shown}: it holds {name[:200]!r} twice, as different things", "make it anew"
        )

    def _folder(self, path: Path) -> None:
        if path in self._folders:
            return
        if path.relative_to(self._into).as_posix() in self._links:
            raise self._twice(path.name)
        self._folder(path.parent)
        try:
            path.mkdir(exist_ok=True)
        except FileExistsError:
            raise self._twice(path.name) from None
        self._folders.add(path)

    def _file(self, name: str, path: Path, mode: int, source: IO[bytes]) -> None:
        self._folder(path.parent)
        if path.is_dir():
            raise self._twice(name)
        found, size = hashlib.sha256(), 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with contextlib.closing(source), os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            while block := source.read(_BLOCK):
                size += len(block)
                self._room -= len(block)
                if self._room < 0:
                    raise StepFailed(
                        f"cannot unpack {self._shown}: it holds more than the disk has free",
                        "make the pod's volume larger, or leave out what the run does not need",
                    )
                file.write(block)
                found.update(block)
                self._work.beat()
        path.chmod((mode & 0o777) | 0o600)
        self._files[name] = (found.hexdigest(), size)

    def _link(self, name: str, target: str, root: Path) -> bool:
        """Make it when it stays below ``root``; nothing is written afterwards, so nothing goes through it."""
        path = self._into / name
        leads = os.path.normpath(path.parent / target)
        inside = not target.startswith("/") and (leads == str(root) or leads.startswith(f"{root}/"))
        if not inside or "\0" in target or not path.is_relative_to(root) or path == root:
            self._left_out.append(name)
            return False
        self._folder(path.parent)
        path.symlink_to(target)
        return True


def _entries(archive: Path, shown: str) -> Iterator[Entry]:
    import tarfile  # noqa: PLC0415 - not needed where the code lies there
    import zipfile  # noqa: PLC0415

    with archive.open("rb") as file:
        begin = file.read(512)
    if begin.startswith(b"PK") and zipfile.is_zipfile(archive):  # a tar may end in a zip, too
        with zipfile.ZipFile(archive) as packed:
            yield from _of_zip(packed)
        return
    if begin.startswith(_ZSTD) and "zst" not in tarfile.TarFile.OPEN_METH:
        raise StepFailed(
            f"cannot unpack {shown}: this image's Python does not read zstd", "pack it as .tar.gz or .tar.xz"
        )
    if _PAGE.match(begin):
        raise StepFailed(
            f"cannot unpack {shown}: it is a web page, not an archive",
            "give the address of the file itself; a page that asks for a login cannot be fetched",
        )
    with tarfile.open(archive, "r:*", errorlevel=2) as packed:
        while (member := packed.next()) is not None:
            yield _of_tar(packed, member)
        _check_end(packed)


def _check_end(packed: tarfile.TarFile) -> None:
    """A reader of tar takes any damaged header for the end; and only its end proves a compressed stream."""
    file = packed.fileobj
    file.seek(packed.offset)
    end = file.read(512)
    if len(end) < 512 or end.strip(b"\0"):  # noqa: PLR2004 - tar's block
        raise ValueError("it ends in the middle")
    for _ in range(_MOST_AFTER_END):
        if not file.read(_BLOCK):
            break


def _of_tar(packed: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    def read() -> IO[bytes]:
        found = packed.extractfile(member)
        if found is None:
            raise ValueError("a file without content")
        return found

    if member.isdir():
        return Entry(member.name, is_folder=True)
    if member.issym():
        return Entry(member.name, link=member.linkname)
    if member.islnk():
        return Entry(member.name, member.mode, twin=member.linkname)
    if member.isreg():
        return Entry(member.name, member.mode, open=read)
    return Entry(member.name)  # a device, a pipe


def _of_zip(packed: zipfile.ZipFile) -> Iterator[Entry]:
    for info in packed.infolist():
        mode = info.external_attr >> 16
        if info.is_dir():
            yield Entry(info.filename, is_folder=True)
        elif info.flag_bits & 1:
            raise ValueError("it is locked with a password")
        elif stat.S_ISLNK(mode):
            with packed.open(info) as file:
                yield Entry(info.filename, link=os.fsdecode(file.read(4096)))
        elif stat.S_IFMT(mode) in {0, stat.S_IFREG}:
            yield Entry(info.filename, mode or 0o644, open=lambda info=info: packed.open(info))  # type: ignore[misc]
        else:
            yield Entry(info.filename)
