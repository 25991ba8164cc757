"""Pickles as Python and joblib write them, plain or packed: followed to their STOP, over the arrays in between."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, BinaryIO

from pod_agent.outputs.checkpoints import packed, pickles
from pod_agent.outputs.checkpoints.candidate import NotWhole, Unproved
from pod_agent.outputs.checkpoints.machine import OPAQUE, Machine, Made, Name
from pod_agent.outputs.checkpoints.reading import opened

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_MOST_OPCODES = 400_000  # some tenths of a second
_FRAME = b"\x95"
_LARGE = {
    b"B": 4,
    b"\x8e": 8,
    b"X": 4,
    b"\x8d": 8,
    b"\x96": 8,
}  # long bytes and texts stand between two frames
_ARRAY = ("NumpyArrayWrapper", "shape", "dtype")


class PickleFile:
    name = "pickle, joblib"
    endings = (".pkl", ".pickle", ".joblib", *(f"{name}{how}" for name in (".pkl", ".pickle", ".joblib")
               for how in packed.ENDINGS))  # fmt: skip

    def claims(self, entry: Entry) -> bool:
        return not entry.is_folder and entry.name.endswith(self.endings)

    def check(self, found: Candidate, seen: Seen) -> int | None:
        del seen
        with opened(found) as file:
            return check(file, found.size_bytes)


def check(file: BinaryIO, size: int, begin: int = 0) -> int | None:
    """Follow one or more pickles to the end of the file. Gives the step in the first."""
    if packed.is_packed(file):
        data = packed.check(file, size)
        return check(io.BytesIO(data), len(data))
    file.seek(begin)
    machine = Machine(file, size, _array)
    try:
        value = pickles.run(machine, _MOST_OPCODES)
        while file.tell() < size:
            pickles.run(machine, _MOST_OPCODES)
    except pickles.TooLong:
        _follow_frames(file, size, begin)
        return None
    return pickles.step_in(value)


def _follow_frames(file: BinaryIO, size: int, begin: int) -> None:
    """A pickle of millions of small things, by the lengths of its frames; one without frames has none."""
    file.seek(size - 1)
    if file.read(1) != b".":
        raise NotWhole("its pickle has no end")
    at = begin + 2  # behind the protocol
    while at < size:
        file.seek(at)
        head = file.read(9)
        if head[:1] == _FRAME:
            at += 9 + int.from_bytes(head[1:9], "little")
        elif head[:1] in _LARGE:
            width = _LARGE[head[:1]]
            at += 1 + width + int.from_bytes(head[1 : 1 + width], "little")
        else:
            raise Unproved("it holds more than podkeep follows, and says no length")
    if at > size:
        raise NotWhole("its pickle is cut off")


def _array(made: Made, machine: Machine) -> object:
    """Joblib writes an array's numbers in the midst of the pickle, right behind what describes it."""
    state = made.state
    if not (isinstance(made.by, Name) and made.by.name == _ARRAY[0] and isinstance(state, dict)):
        return made
    width = _width(state.get("dtype"))
    shape = state.get("shape")
    if width is None or not isinstance(shape, tuple):
        raise NotWhole("an array in it cannot be read")
    if width == 0:  # objects: a pickle of its own
        inner = Machine(machine.file, machine.size, _array)
        pickles.run(inner, _MOST_OPCODES)
        return OPAQUE
    if "numpy_array_alignment_bytes" in state and state["numpy_array_alignment_bytes"] is not None:
        machine.skip(machine.number(1))
    machine.skip(width * math.prod(side for side in shape if isinstance(side, int)))
    return OPAQUE


def _width(dtype: object) -> int | None:
    """The bytes of one number; 0 for objects, None for what is not known here."""
    if not isinstance(dtype, Made) or not isinstance(dtype.args, tuple) or not dtype.args:
        return None
    kind = dtype.args[0]
    if not isinstance(kind, str):
        return None
    if kind.startswith("O"):
        return 0
    if kind[:1] in "VSU" and isinstance(
        dtype.state, tuple
    ):  # structures and texts name their length in the state
        length = dtype.state[5]
        return length if isinstance(length, int) else None
    return int(kind[1:]) if kind[1:].isdigit() else None
