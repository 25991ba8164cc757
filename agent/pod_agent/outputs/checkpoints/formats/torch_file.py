"""``torch.save``: a stored zip that begins with its pickle; before torch 1.6, pickles and then the tensors' bytes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, BinaryIO

from pod_agent.outputs.checkpoints import pickles, zips
from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_agent.outputs.checkpoints.formats import pickle_file
from pod_agent.outputs.checkpoints.machine import Machine, Name
from pod_agent.outputs.checkpoints.reading import check_tail, opened

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_RUNS = re.compile(rb"c((?:os|posix|nt|subprocess|pty|runpy|builtins\n(?:eval|exec|__import__))\n\w*)")
_SEARCHED = 1 << 20
_BEFORE = 3  # pickles before the one that matters: a magic number, a version, the machine's sizes
_MOST_KEYS = 100_000
_COUNT = 8  # bytes
_STORAGE = 5  # members of a reference: "storage", kind, key, place, count
_WIDTHS = {
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1, "UntypedStorage": 1,
    "ComplexDoubleStorage": 16, "ComplexFloatStorage": 8, "QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4,
}  # fmt: skip


class TorchFile:
    name = "torch.save"
    endings = (".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")  # people give it the names of pickles

    def claims(self, entry: Entry) -> bool:
        return not entry.is_folder and entry.name.endswith(self.endings)

    def check(self, found: Candidate, seen: Seen) -> int | None:
        size = found.size_bytes
        with opened(found) as file:
            if zips.is_zip(file):
                zips.check(file, size)
                if seen.wants_step:
                    return pickles.step_in(value_in_zip(file, size))
                _check_harmless(file)
                return None
            if _is_old(file):
                return _check_old(file, size, seen)
            return pickle_file.check(file, size)


def value_in_zip(file: BinaryIO, size: int, begin: int = 0) -> object:
    """The plain values of ``data.pkl``, which torch writes first; None where it is too long."""
    length = zips.stands_at(file, lambda name: name.endswith("data.pkl"), begin)
    if length is None or length > pickles.MOST_READ:
        return None
    try:
        return pickles.run(Machine(file, size))
    except pickles.TooLong:
        return None


def _check_harmless(file: BinaryIO) -> None:
    """Where the step is not asked for, the pickle is not followed: only searched for what no checkpoint needs."""
    if zips.stands_at(file, lambda name: name.endswith("data.pkl")) is not None:
        told = _RUNS.search(file.read(_SEARCHED))
        if told is not None:
            raise NotWhole(f"loading it would run {told[1].decode('ascii', 'replace')}")


def _is_old(file: BinaryIO) -> bool:
    file.seek(0)
    return _MAGIC in file.read(32)


def _check_old(file: BinaryIO, size: int, seen: Seen) -> int | None:
    """Each tensor's bytes come after their count, which its reference in the pickle names too."""
    file.seek(0)
    machine = Machine(file, size)
    for _ in range(_BEFORE):
        pickles.run(machine)
    value = pickles.run(machine)
    counts = dict(filter(None, map(_storage, machine.references)))
    keys = pickles.run(machine)
    begin = file.tell()
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        raise NotWhole("its list of tensors cannot be read")
    end, fd = begin, file.fileno()
    for key in keys:
        if end > size:
            break
        width, wanted = counts.get(str(key), (1, None))
        count = int.from_bytes(os.pread(fd, _COUNT, end), "little")
        end += _COUNT
        if wanted is not None and count != wanted:
            raise NotWhole("the lengths of its tensors are damaged" if end < size else "tensors are missing")
        end += count * width
    if end != size:
        missing = end - size
        raise NotWhole(
            f"{missing} bytes of its tensors are missing" if missing > 0 else "it is longer than its tensors"
        )
    step = pickles.step_in(value)
    check_tail(file, size, begin, seen, step)
    return step


def _storage(reference: object) -> tuple[str, tuple[int, int | None]] | None:
    """A tensor's key, the width of its numbers, and their count."""
    if not isinstance(reference, tuple) or len(reference) < _STORAGE:
        return None
    kind, count = reference[1], reference[4]
    width = _WIDTHS.get(kind.name, 1) if isinstance(kind, Name) else 1
    return str(reference[2]), (width, count if isinstance(count, int) else None)
