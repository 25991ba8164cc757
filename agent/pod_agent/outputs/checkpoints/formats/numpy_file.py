"""numpy's ``.npz``, a zip of arrays, and ``.npy``, whose header gives the exact length."""

from __future__ import annotations

import ast
import io
import math
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

from pod_agent.outputs.checkpoints import zips
from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_agent.outputs.checkpoints.formats import pickle_file
from pod_agent.outputs.checkpoints.pickles import STEPS
from pod_agent.outputs.checkpoints.reading import check_tail, opened
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_SMALL = 4096  # one number
_MAGIC = b"\x93NUMPY"
_MOST_HEADER = 1 << 20
_MOST_LISTED = 16 << 20  # bytes of a zip's list
_NUMBERS = {"i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
            "f4": "f", "f8": "d"}  # fmt: skip


class NumpyZip:
    name = "numpy.savez"
    endings = (".npz",)

    def claims(self, entry: Entry) -> bool:
        return not entry.is_folder and entry.name.endswith(self.endings)

    def check(self, found: Candidate, seen: Seen) -> int | None:
        with opened(found) as file:
            zips.check(file, found.size_bytes)
            return _step(file, found.size_bytes) if seen.wants_step else None


class NumpyFile:
    name = "numpy.save"
    endings = (".npy",)

    def claims(self, entry: Entry) -> bool:
        return not entry.is_folder and entry.name.endswith(self.endings)

    def check(self, found: Candidate, seen: Seen) -> int | None:
        size = found.size_bytes
        with opened(found) as file:
            header = _header(file)
            if header.width == 0 and "O" in header.kinds:
                pickle_file.check(file, size, header.begin)
                return None
            wanted = header.begin + header.width * header.count
            if wanted != size:
                raise NotWhole(f"its header promises {wanted} bytes and it has {size}")
            check_tail(file, size, header.begin, seen)
        return None


@dataclass(frozen=True, slots=True)
class _Header:
    begin: int  # of the numbers
    kinds: str  # "<f4", or the text of a list of them
    width: int  # bytes of one number
    count: int


def _header(file: BinaryIO) -> _Header:
    head = file.read(12)
    if not head.startswith(_MAGIC):
        raise NotWhole("it does not begin like a numpy file")
    begin = 10 if head[6] == 1 else 12
    length = int.from_bytes(head[8:begin], "little")
    file.seek(begin)
    data = file.read(min(length, _MOST_HEADER))
    try:
        told = ast.literal_eval(data.decode("utf-8"))
        descr, shape = told["descr"], told["shape"]
        return _Header(begin + length, str(descr), _width(descr), math.prod(int(side) for side in shape))
    except (ValueError, SyntaxError, MemoryError, RecursionError, KeyError, TypeError, IndexError):
        raise NotWhole("its header cannot be read") from None


def _width(descr: object) -> int:
    """The bytes of one number, or of one row of a structure."""
    if isinstance(descr, str):
        count = int(descr[2:] or 0)
        return 4 * count if descr[1] == "U" else count
    if isinstance(descr, tuple):  # a kind and a shape
        return _width(descr[0]) * math.prod(descr[1])
    if isinstance(descr, list):
        return sum(_width(one[1]) * math.prod(one[2] if len(one) > 2 else ()) for one in descr)  # noqa: PLR2004
    raise ValueError(descr)


def _step(file: BinaryIO, size: int) -> int | None:
    """The step among the arrays of a zip, by its name."""
    if zips.listed(file, size) > _MOST_LISTED:
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            for wanted in STEPS:
                if wanted in names and archive.getinfo(names[wanted]).file_size < _SMALL:
                    return _scalar(archive.read(names[wanted]))
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        ValueError,
        struct.error,
        zlib.error,
    ) as error:
        raise NotWhole(f"its zip cannot be read: {type(error).__name__}") from None
    return None


def _scalar(data: bytes) -> int | None:
    """One number in numpy's file format."""
    header = _header(io.BytesIO(data))
    order, kind = header.kinds[:1], header.kinds[1:]
    if kind not in _NUMBERS or header.count != 1:
        return None
    (number,) = struct.unpack_from((">" if order == ">" else "<") + _NUMBERS[kind], data, header.begin)
    return int(number) if number == int(number) else None
