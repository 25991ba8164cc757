"""Packed files: whether their end is there. A small one is unpacked, of a long one only what its format says."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, BinaryIO

from pod_agent.outputs.checkpoints.candidate import NotWhole, Unproved

if TYPE_CHECKING:
    from collections.abc import Callable

ENDINGS = (".gz", ".z", ".xz", ".lzma", ".bz2")
_MOST_READ = 4 << 20
_MOST_MADE = 64 << 20
_CHUNK = 1 << 20
_FORMAT_ALONE = b"\x5d\x00\x00"
_UNPACKERS: dict[bytes, Callable[[], zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    b"\x78\x01": zlib.decompressobj,
    b"\x78\x5e": zlib.decompressobj,
    b"\x78\x9c": zlib.decompressobj,
    b"\x78\xda": zlib.decompressobj,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,
    _FORMAT_ALONE: lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE),
}


def is_packed(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(6).startswith(tuple(_UNPACKERS))


def check(file: BinaryIO, size: int) -> bytes:
    """What is in it. Raises NotWhole where its end is missing, Unproved where it is too long to unpack."""
    file.seek(0)
    head = file.read(6)
    if size > _MOST_READ:
        if head.startswith(b"\xfd7zXZ"):
            _check_xz(file, size)
        raise Unproved("it is packed, and too long to unpack")
    file.seek(0)
    make = next(make for magic, make in _UNPACKERS.items() if head.startswith(magic))
    return _unpack(file.read(), make())


def _unpack(data: bytes, unpacker: zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor) -> bytes:
    out: list[bytes] = []
    made = 0
    try:
        while not unpacker.eof and made < _MOST_MADE:
            piece = unpacker.decompress(data, _CHUNK)
            data = getattr(
                unpacker, "unconsumed_tail", b""
            )  # zlib hands back what it did not use; the others keep it
            if not piece and not data and not unpacker.eof:
                raise NotWhole("its packed data are cut off")
            out.append(piece)
            made += len(piece)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
        raise NotWhole("its packed data are damaged") from None
    if not unpacker.eof:
        raise Unproved("it is packed, and too long to unpack")
    if unpacker.unused_data:
        raise NotWhole("something stands behind the end of its packed data")
    return b"".join(out)


def _check_xz(file: BinaryIO, size: int) -> None:
    """An xz ends with how long its index is, and two letters."""
    file.seek(size - 12)
    if file.read(12)[10:] != b"YZ":
        raise NotWhole("the end of its packed data is missing")
