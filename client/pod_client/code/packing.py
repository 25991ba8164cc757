"""One tar of a tree, always the same for the same tree: its sha256 is the tree's name.

Names sorted, no owners, no times; what is not a file or a link below the top is left out.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import stat
import tarfile
import tempfile
from dataclasses import field
from typing import IO, TYPE_CHECKING

from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass
from pod_wire.routes import MAX_TREE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_client.code.listing import Listing

_BLOCK = 1 << 20
_LEVEL = 4  # nearly as small as 6, in half the time


@dataclass(frozen=True, slots=True)
class Packed:
    """A tar, open and without a name on disk: nothing of it is left behind. ``left_out`` are links that lead out."""

    digest: str
    size: int
    files: int
    file: IO[bytes] = field(repr=False)
    left_out: tuple[str, ...] = ()

    def read(self, offset: int, length: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(length)

    def close(self) -> None:
        self.file.close()


def size_of(listing: Listing) -> int:
    """Bytes before packing; what vanishes meanwhile counts nothing."""
    found = 0
    for name in listing.names:
        with contextlib.suppress(OSError):
            found += (listing.top / name).lstat().st_size
    return found


def pack(listing: Listing, beat: Callable[[int], None] = lambda _: None) -> Packed:
    """``beat`` is told how many bytes were read so far."""
    out = tempfile.TemporaryFile(prefix="pod-client-")  # noqa: SIM115 - it lives as long as what is returned
    try:
        return _write(listing, out, beat)
    except BaseException:
        out.close()
        raise


def _write(listing: Listing, out: IO[bytes], beat: Callable[[int], None]) -> Packed:
    writer = _Hashed(out)
    left_out: list[str] = []
    count, read = 0, 0
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=writer, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in listing.names:
            path = listing.top / name
            try:
                info = _info(listing.top, name)
            except OSError as error:
                raise BadInput(
                    f"cannot read {path}: {error.strerror}", hint="run the command again"
                ) from None
            if info is None:
                left_out.append(name)
                continue
            _add(tar, info, path)
            count, read = count + 1, read + info.size
            beat(read)
    if writer.size > MAX_TREE_BYTES:
        raise BadInput(
            f"cannot send this tree: it is {writer.size / 1e9:.1f} GB packed, of {MAX_TREE_BYTES // 10**9} GB at most",
            hint="keep data out of it: have git ignore them",
        )
    return Packed(writer.digest.hexdigest(), writer.size, count, out, tuple(left_out))


def _add(tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> None:
    if not info.isreg():
        tar.addfile(info)
        return
    try:
        with path.open("rb") as file:
            tar.addfile(info, file)
    except OSError as error:
        changed = error.errno is None  # tarfile's own words: the file became shorter
        reason = "it changed while it was read" if changed else str(error.strerror)
        remedy = "run the command again" if changed else "make it readable, or have git ignore it"
        raise BadInput(f"cannot read {path}: {reason}", hint=remedy) from None


def _info(top: Path, name: str) -> tarfile.TarInfo | None:
    """A member without owner and time; None for a link that leads out of the tree."""
    path = top / name
    seen = path.lstat()
    info = tarfile.TarInfo(name)
    info.mode = stat.S_IMODE(seen.st_mode) & 0o777
    if stat.S_ISLNK(seen.st_mode):
        info.type = tarfile.SYMTYPE
        info.mode = 0o777
        info.linkname = os.readlink(path)  # noqa: PTH115 - as it is written, not as a path
        leads = os.path.normpath(os.path.join(os.path.dirname(name), info.linkname))  # noqa: PTH118, PTH120
        return None if os.path.isabs(leads) or leads.split("/")[0] == ".." else info  # noqa: PTH117
    info.size = seen.st_size
    return info


class _Hashed:
    """Counts and hashes what is written through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()
