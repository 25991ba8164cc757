"""Judges one file by its content: zip ends (torch, numpy), safetensors headers, pickles, JSON.

Nothing of the training's libraries is imported, and no more is read than its ends and its header.
"""

from __future__ import annotations

import ast
import io
import json
import re
import struct
import zipfile
from typing import TYPE_CHECKING, BinaryIO

from pod_agent.outputs.checkpoints import pickles
from pod_agent.outputs.checkpoints.candidate import NotACheckpoint, NotWhole

if TYPE_CHECKING:
    from pathlib import Path

_OFFSETS = re.compile(rb'"data_offsets"\s*:\s*\[\s*\d+\s*,\s*(\d+)\s*\]')
_END = struct.Struct("<4s4H2LH")  # the end record of a zip
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_LOCAL = struct.Struct("<4s5H3L2H")
_HEADER_LIMIT = 100_000_000  # safetensors' own
_JSON_LIMIT = 64 << 20
_JSON_LARGE = 64 << 10  # beside weights: only its first and last sign are looked at
_NO_LENGTH = "podkeep cannot tell from this kind of file whether it is whole"
_PICKLED = {".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle"}


def check(path: Path, size: int, *, with_step: bool = True) -> int | None:
    """The step written in a whole file, if it tells one. Raises NotWhole, or NotACheckpoint where it has no length."""
    try:
        with path.open("rb") as file:
            return _check(file, path.suffix, size, with_step)
    except OSError as error:
        raise NotWhole(f"it cannot be read: {error.strerror}") from None


def has_length(path: Path) -> bool:
    """Whether this kind of file tells how long it should be."""
    return path.suffix in {".safetensors", ".npz", ".json", *_PICKLED}


def _check(file: BinaryIO, suffix: str, size: int, with_step: bool) -> int | None:
    if size == 0:
        raise NotWhole("it is empty")
    if suffix == ".safetensors":
        check_safetensors(file, size)
        return None
    if suffix == ".json":
        return _check_json(file, size, with_step)
    if file.read(4) == b"PK\x03\x04":
        check_zip(file, size)
        return _zip_step(file, suffix) if with_step else None
    if suffix in _PICKLED:
        return pickles.check(file, size)
    if suffix == ".npz":
        raise NotWhole("it does not begin like a zip")
    raise NotACheckpoint(_NO_LENGTH)


def check_safetensors(file: BinaryIO, size: int) -> None:
    """The header names the last byte there must be."""
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if not len(b"{}") <= length <= min(_HEADER_LIMIT, size - 8):
        raise NotWhole("its header is cut off")
    header = file.read(length)
    if not (header.startswith(b"{") and header.rstrip().endswith(b"}")):
        raise NotWhole("its header cannot be read")
    wanted = 8 + length + max(map(int, _OFFSETS.findall(header)), default=0)
    if wanted != size:
        raise NotWhole(f"its header promises {wanted} bytes and it has {size}")


def check_zip(file: BinaryIO, size: int) -> None:
    """The end record is written last and says where everything before it lies."""
    tail_at = max(0, size - _END.size - 65535)
    file.seek(max(0, size - _END.size))
    tail = file.read(_END.size)
    at = size - _END.size
    if not tail.startswith(b"PK\x05\x06"):
        file.seek(tail_at)
        tail = file.read(size - tail_at)
        found = tail.rfind(b"PK\x05\x06")
        if found < 0 or len(tail) - found < _END.size:
            raise NotWhole("the end of its zip is missing")
        at, tail = tail_at + found, tail[found:]
    fields = _END.unpack_from(tail)
    length, offset = fields[5], fields[6]
    if at >= _LOCATOR.size:
        file.seek(at - _LOCATOR.size)
        locator = _LOCATOR.unpack(file.read(_LOCATOR.size))
        if locator[0] == b"PK\x06\x07":
            at = locator[2]
            file.seek(at)
            large = file.read(_END64.size)
            if not large.startswith(b"PK\x06\x06"):
                raise NotWhole("the end of its zip is damaged")
            length, offset = _END64.unpack(large)[8:10]
    file.seek(offset)
    if offset + length != at or (length and file.read(4) != b"PK\x01\x02"):
        raise NotWhole("the list of its zip does not fit its length")


def _zip_step(file: BinaryIO, suffix: str) -> int | None:
    """The step in torch's ``data.pkl``, which is the first entry, or in one of numpy's arrays."""
    if suffix == ".npz":
        return _numpy_step(file)
    file.seek(0)
    local = _LOCAL.unpack(file.read(_LOCAL.size))
    name = file.read(local[9])
    stored = local[3] == zipfile.ZIP_STORED
    if not (stored and name.endswith(b"data.pkl")) or local[7] > pickles.MOST_READ:
        return None
    file.seek(local[10], 1)
    return pickles.step_in(pickles.load(file))


def _numpy_step(file: BinaryIO) -> int | None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            for wanted in ("global_step", "step", "iter_num", "iteration", "iter", "steps", "epoch"):
                if wanted in names and archive.getinfo(names[wanted]).file_size < 4096:  # noqa: PLR2004 - one number
                    return _scalar(archive.read(names[wanted]))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        raise NotWhole(f"its zip cannot be read: {type(error).__name__}") from None
    return None


def _scalar(data: bytes) -> int | None:
    """One number in numpy's file format."""
    wide = data[6] > 1
    length = int.from_bytes(data[8 : 12 if wide else 10], "little")
    begin = 12 if wide else 10
    header = ast.literal_eval(data[begin : begin + length].decode("latin-1"))
    kinds = {"i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
             "f4": "f", "f8": "d"}  # fmt: skip
    order, kind = header["descr"][:1], header["descr"][1:]
    if kind not in kinds or any(side != 1 for side in header["shape"]):
        return None
    (number,) = struct.unpack_from((">" if order == ">" else "<") + kinds[kind], data, begin + length)
    return int(number) if number == int(number) else None


def _check_json(file: BinaryIO, size: int, with_step: bool) -> int | None:
    if size > _JSON_LIMIT:
        raise NotACheckpoint(_NO_LENGTH)
    file.seek(0)
    if size > _JSON_LARGE and not with_step:
        first = file.read(1)
        file.seek(-8, io.SEEK_END)
        if first + file.read().rstrip()[-1:] not in {b"{}", b"[]"}:
            raise NotWhole("its JSON has no end")
        return None
    try:
        return pickles.step_in(json.loads(file.read()))
    except (ValueError, RecursionError):
        raise NotWhole("its JSON is not valid") from None
