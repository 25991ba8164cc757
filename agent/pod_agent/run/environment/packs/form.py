"""The form of a pack: the files' bytes in blocks, then an index, then a foot that says where the index is.

One large sequential file, as network mounts hate many small ones; not compressed, as reading is mostly faster than
inflating. Blocks can be read in any order by several readers, each with its own check; what was cut short has no foot.
Not here: walking an environment (``writing``) and making one (``reading``).

The workspace is the user's own, so a pack is trusted as much as the code beside it: the checks are against damage, not
against an enemy. Names are confined all the same: nothing is ever written outside of the environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from typing import TypeVar

T = TypeVar("T")

FORMAT = 1
BLOCK = 8 << 20  # bytes of files in a block; one small file never spans two
MOST_INDEX = 1 << 30
_FOOT = struct.Struct(">16sIQQ32s")  # magic, format, where the index begins, its length, its sha256
_MAGIC = b"podkeep-pack\r\n\x1a\n"


class Damaged(Exception):
    """Not a whole pack of ours; the words say why."""


class Newer(Exception):
    """A whole pack in the format of a newer podkeep."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a pack is a copy of. ``place``: the path that the environment holds in itself."""

    name: str
    place: str
    python: str  # the image's, which the environment was made from
    version: str
    own: str  # what the environment's own Python calls itself
    census: str  # of what was packed, as ``census`` counts it


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the pack: ``count`` whole files, or a piece of one, which begins at ``piece`` of it."""

    length: int
    check: int  # crc32
    first: int
    count: int
    piece: int = 0


@dataclass(frozen=True, slots=True)
class Files:
    """All files, a column for each fact: tens of thousands are read in a few milliseconds."""

    folder: list[int] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    mode: list[int] = field(default_factory=list)
    mtime_ns: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, slots=True)
class Index:
    """Everything but the bytes. Folders come after those they lie in; the first is the environment itself."""

    facts: Facts
    folders: list[tuple[str, int]]  # path, mode
    files: Files
    links: list[tuple[int, str, str]]  # folder, name, where to
    blocks: list[Block]

    def starts(self) -> list[int]:
        """Where each block begins in the pack, and where the last one ends."""
        return [0, *accumulate(block.length for block in self.blocks)]


def ending(index: Index, at: int) -> bytes:
    """What follows the blocks, which end at ``at``."""
    blocks = [(it.length, it.check, it.first, it.count, it.piece) for it in index.blocks]
    told = {"facts": asdict(index.facts), "folders": index.folders, "files": asdict(index.files)}
    text = json.dumps(told | {"links": index.links, "blocks": blocks}, separators=(",", ":"))
    body = zlib.compress(text.encode("ascii"), 1)
    return body + _FOOT.pack(_MAGIC, FORMAT, at, len(body), hashlib.sha256(body).digest())


def read(fd: int) -> Index:
    """The index of an open pack. Damaged, Newer, or an OSError of the mount."""
    size = os.fstat(fd).st_size
    foot = os.pread(fd, _FOOT.size, max(0, size - _FOOT.size))
    if len(foot) < _FOOT.size:
        raise Damaged("it is cut short")
    magic, version, at, length, digest = _FOOT.unpack(foot)
    if magic != _MAGIC:
        raise Damaged("it is cut short, or no pack")
    if version > FORMAT:
        raise Newer(f"its format is {version}, this podkeep knows {FORMAT}")
    if length > MOST_INDEX or at + length + _FOOT.size != size:
        raise Damaged("its length is not what its end says")
    body = _whole(fd, length, at)
    if hashlib.sha256(body).digest() != digest:
        raise Damaged("its index is not what was written")
    try:
        index = _parsed(json.loads(zlib.decompress(body)))
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise Damaged(f"its index cannot be read: {error!r}") from error
    _confine(index)
    _fit(index, at)
    return index


def _whole(fd: int, length: int, at: int) -> bytes:
    parts, end = [], at + length
    while at < end:
        part = os.pread(fd, end - at, at)
        if not part:
            raise Damaged("it is cut short")
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def _parsed(told: dict[str, object]) -> Index:
    facts, files = told["facts"], told["files"]
    if not isinstance(facts, dict) or not isinstance(files, dict):
        raise TypeError("neither facts nor files")
    columns = Files(*(_list(files[name]) for name in ("folder", "name", "size", "mode", "mtime_ns")))
    numbers = (columns.folder, columns.size, columns.mode)
    if {len(column) for column in (*numbers, columns.mtime_ns)} - {len(columns)}:
        raise ValueError("columns of several lengths")
    if set(map(type, columns.name)) - {str} or set(map(type, columns.mtime_ns)) - {int}:
        raise TypeError("a file's name or time")
    if any(set(map(type, column)) - {int} or min(column, default=0) < 0 for column in numbers):
        raise TypeError("a file's number")
    return Index(
        Facts(**{str(name): str(value) for name, value in facts.items()}),
        [(_text(path), _number(mode)) for path, mode in _rows(told["folders"])],
        columns,
        [(_number(folder), _text(name), _text(to)) for folder, name, to in _rows(told["links"])],
        [Block(*(_number(one) for one in block)) for block in _rows(told["blocks"])],
    )


def _list(value: object) -> list[T]:
    """A column; what its things are is looked at in one go."""
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _rows(value: object) -> list[list[object]]:
    rows: list[object] = _list(value)
    return [_list(row) for row in rows]


def _number(value: object) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("no number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _confine(index: Index) -> None:
    """Every name stays inside, every number leads to something that is there."""
    names = [*index.files.name, *(name for _, name, _ in index.links)]
    owners = [*index.files.folder, *(folder for folder, _, _ in index.links)]
    parts = [part for path, _ in index.folders[1:] for part in path.split("/")]
    if not index.folders or index.folders[0][0] or max(owners, default=0) >= len(index.folders):
        raise Damaged("its folders are not all there")
    everything = {*names, *parts}
    if not everything.isdisjoint({"", ".", ".."}) or any("/" in it or "\0" in it for it in everything):
        raise Damaged("a name in it leads outside of the environment")


def _fit(index: Index, end: int) -> None:
    """The blocks hold every file once, in order, whole."""
    sizes = index.files.size
    sums = [0, *accumulate(sizes)]
    number = offset = 0
    for block in index.blocks:
        last = block.first + block.count
        if (block.first, block.piece) != (number, offset) or not block.count or last > len(sizes):
            raise Damaged("a block of it is out of order")
        left = sums[last] - sums[block.first] - offset
        is_piece = block.count == 1 and 0 < block.length < left
        if block.length > BLOCK or not (is_piece or block.length == left):
            raise Damaged("a block of it does not fit its files")
        number, offset = (number, offset + block.length) if is_piece else (last, 0)
    if (number, offset) != (len(sizes), 0) or index.starts()[-1] != end:
        raise Damaged("its index does not fit its bytes")
