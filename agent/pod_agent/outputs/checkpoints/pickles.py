"""Reads pickles without running anything in them: to their end, and for the few plain values at their top.

Every class and function a pickle names becomes a stub that accepts all and does nothing.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections import OrderedDict
from typing import BinaryIO, Self

from pod_agent.outputs.checkpoints.candidate import NotWhole

MOST_READ = (
    8 << 20
)  # larger pickles are followed to their end, not built: as objects they take ten times the room
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_ITEM_BYTES = {
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4,
    "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1, "UntypedStorage": 1,
    "ComplexDoubleStorage": 16, "ComplexFloatStorage": 8, "QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4,
}  # fmt: skip
_STEPS = ("global_step", "step", "iter_num", "iteration", "iter", "num_steps", "steps", "epoch")
_LINES = {"GLOBAL": 2, "INST": 2}
_OPCODES = {
    ord(op.code): (op.name, op.arg.n if op.arg is not None else 0, _LINES.get(op.name, 1))
    for op in pickletools.opcodes
}
_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


class _Stub:
    """Stands for anything a pickle builds."""

    def __new__(cls, *_args: object, **_kwargs: object) -> Self:
        return object.__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        pass

    def __call__(self, *_args: object, **_kwargs: object) -> _Stub:
        return _Stub()

    def __setstate__(self, _state: object) -> None:
        pass

    def __setitem__(self, _key: object, _value: object) -> None:
        pass

    def __hash__(self) -> int:
        return id(self)

    def append(self, _item: object) -> None:
        pass

    def extend(self, _items: object) -> None:
        pass

    def add(self, _item: object) -> None:
        pass


class _Inert(pickle.Unpickler):
    """An unpickler that imports nothing. ``storages`` are torch's references to tensors, as they were named."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: list[tuple[object, ...]] = []
        self._stubs: dict[str, type] = {}

    def find_class(self, module: str, name: str) -> type:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        return self._stubs.setdefault(name, type(name.rpartition(".")[2] or "stub", (_Stub,), {}))

    def persistent_load(self, pid: object) -> _Stub:
        if isinstance(pid, tuple):
            self.storages.append(pid)
        return _Stub()


def check(file: BinaryIO, size: int) -> int | None:
    """Follow a pickled file to its end. Gives the step in it; raises NotWhole where bytes are missing."""
    if _starts_like_torch(file):
        return _check_torch(file, size)
    end = 0
    while end < size:
        file.seek(end)
        end = _stop(file, size)
    if size == 0:
        raise NotWhole("it is empty")
    if size > MOST_READ:
        return None
    file.seek(0)
    return step_in(load(file))


def load(file: BinaryIO) -> object:
    """The object of one pickle, with stubs for everything but plain values."""
    return _load(_Inert(file))


def _load(inert: _Inert) -> object:
    try:
        return inert.load()
    except Exception as error:  # noqa: BLE001 - a cut or foreign pickle may raise anything at all
        raise NotWhole(f"its pickle cannot be read: {type(error).__name__}") from None


def step_in(value: object) -> int | None:
    """The step at the top of a checkpoint's dictionary, by the names that trainers give it."""
    if not isinstance(value, dict):
        return None
    for name in _STEPS:
        number = value.get(name)
        if isinstance(number, bool):
            continue
        if isinstance(number, int) or (isinstance(number, float) and number.is_integer()):
            return int(number)
    return None


def _stop(file: BinaryIO, size: int) -> int:
    """Where the pickle that begins here ends. Long values are stepped over, so nothing is held in memory."""
    while True:
        code = file.read(1)
        if not code or code[0] not in _OPCODES:
            raise NotWhole("its pickle has no end")
        name, length, lines = _OPCODES[code[0]]
        if name == "STOP":
            return file.tell()
        if length == pickletools.UP_TO_NEWLINE:
            for _ in range(lines):
                file.readline()
        elif length < 0:
            length = int.from_bytes(file.read(_LENGTHS[length]), "little")
        if length > 0:
            file.seek(length, io.SEEK_CUR)
            if file.tell() > size:
                raise NotWhole("its pickle is cut off")


def _starts_like_torch(file: BinaryIO) -> bool:
    file.seek(0)
    head = file.read(32)
    return _TORCH_MAGIC.to_bytes(10, "little") in head


def _check_torch(file: BinaryIO, size: int) -> int | None:
    """Torch's format before 1.6: five pickles, then each tensor's bytes after its count."""
    file.seek(0)
    for _ in range(3):
        load(file)
    inert = _Inert(file)
    value = _load(inert)
    keys = load(file)
    if not isinstance(keys, list):
        raise NotWhole("its list of tensors cannot be read")
    widths = {str(pid[2]): _width(pid) for pid in inert.storages if len(pid) > 4}  # noqa: PLR2004 - torch's tuple
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        file.seek(count * widths.get(str(key), 1), io.SEEK_CUR)
    if file.tell() > size:
        raise NotWhole(f"{file.tell() - size} bytes of its tensors are missing")
    return step_in(value)


def _width(pid: tuple[object, ...]) -> int:
    kind = pid[1]
    return _ITEM_BYTES.get(kind.__name__, 1) if isinstance(kind, type) else 1
