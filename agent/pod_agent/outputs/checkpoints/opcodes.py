"""What each opcode of a pickle does on the machine: some push a value, some act on what is there. Tables only."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable

from pod_agent.outputs.checkpoints.machine import MARK, MOST_TEXT, OPAQUE, Machine, Made

_MOST_DIGITS = 100


def _signed(m: Machine, width: int) -> object:
    length = m.number(width)
    if length > MOST_TEXT:
        m.skip(length)
        return OPAQUE
    return int.from_bytes(m.take(length), "little", signed=True)


def _over(m: Machine, width: int) -> object:
    m.skip(width)
    return OPAQUE


def _decimal(m: Machine) -> object:
    line = m.line()
    if line in {"00", "01"}:
        return line == "01"
    return int(line.removesuffix("L")) if len(line) <= _MOST_DIGITS else OPAQUE


def _pop(m: Machine) -> None:
    if m.stack[-1] is MARK:
        m.since_mark()
    else:
        m.stack.pop()


def _reduce(m: Machine) -> None:
    args = m.stack.pop()
    m.made(m.stack.pop(), args)


def _newobj_ex(m: Machine) -> None:
    m.stack.pop()
    _reduce(m)


def _setitem(m: Machine) -> None:
    value = m.stack.pop()
    m.setitems([m.stack.pop(), value])


def _dict(m: Machine) -> None:
    items = m.since_mark()
    m.stack.append({})
    m.setitems(items)


def _obj(m: Machine) -> None:
    by, *args = m.since_mark()
    m.made(by, tuple(args))


def _stack_global(m: Machine) -> None:
    name = m.stack.pop()
    m.stack.append(m.named(str(m.stack.pop()), str(name)))


def _put(m: Machine, at: int) -> None:
    m.memo[at] = m.stack[-1]


Does = Callable[[Machine], object]
PUSHES: dict[bytes, Does] = {
    pickle.MARK: lambda _: MARK,
    pickle.DUP: lambda m: m.stack[-1],
    pickle.NONE: lambda _: None,
    pickle.NEWTRUE: lambda _: True,
    pickle.NEWFALSE: lambda _: False,
    pickle.INT: _decimal,
    pickle.LONG: _decimal,
    pickle.BININT: lambda m: struct.unpack("<i", m.take(4))[0],
    pickle.BININT1: lambda m: m.file.read(1)[0],
    pickle.BININT2: lambda m: m.number(2),
    pickle.LONG1: lambda m: _signed(m, 1),
    pickle.LONG4: lambda m: _signed(m, 4),
    pickle.FLOAT: lambda m: float(m.line()),
    pickle.BINFLOAT: lambda m: struct.unpack(">d", m.take(8))[0],
    pickle.STRING: lambda m: m.line().strip("'\""),
    pickle.UNICODE: lambda m: m.line(),
    pickle.EMPTY_TUPLE: lambda _: (),
    pickle.EMPTY_LIST: lambda _: [],
    pickle.EMPTY_DICT: lambda _: {},
    pickle.EMPTY_SET: lambda _: OPAQUE,
    pickle.TUPLE: lambda m: tuple(m.since_mark()),
    pickle.LIST: lambda m: m.since_mark(),
    pickle.FROZENSET: lambda m: m.since_mark() and OPAQUE,
    pickle.GLOBAL: lambda m: m.named(m.line(), m.line()),
    pickle.INST: lambda m: Made(m.named(m.line(), m.line()), tuple(m.since_mark())),
    pickle.GET: lambda m: m.memo[int(m.line())],
    pickle.BINGET: lambda m: m.memo[m.file.read(1)[0]],
    pickle.LONG_BINGET: lambda m: m.memo[m.number(4)],
    pickle.EXT1: lambda m: _over(m, 1),
    pickle.EXT2: lambda m: _over(m, 2),
    pickle.EXT4: lambda m: _over(m, 4),
    pickle.NEXT_BUFFER: lambda _: OPAQUE,
}
ACTS: dict[bytes, Does] = {
    pickle.PROTO: lambda m: m.skip(1),
    pickle.FRAME: lambda m: m.skip_ahead(m.number(8)),
    pickle.POP: _pop,
    pickle.POP_MARK: lambda m: m.since_mark(),
    pickle.BINSTRING: lambda m: m.text(m.number(4)),
    pickle.SHORT_BINSTRING: lambda m: m.text(m.number(1)),
    pickle.BINUNICODE: lambda m: m.text(m.number(4)),
    pickle.SHORT_BINUNICODE: lambda m: m.text(m.file.read(1)[0]),
    pickle.BINUNICODE8: lambda m: m.text(m.number(8)),
    pickle.BINBYTES: lambda m: m.text(m.number(4), raw=True),
    pickle.SHORT_BINBYTES: lambda m: m.text(m.number(1), raw=True),
    pickle.BINBYTES8: lambda m: m.text(m.number(8), raw=True),
    pickle.BYTEARRAY8: lambda m: m.text(m.number(8), raw=True),
    pickle.READONLY_BUFFER: lambda _: None,
    pickle.TUPLE1: lambda m: m.tuple_of(1),
    pickle.TUPLE2: lambda m: m.tuple_of(2),
    pickle.TUPLE3: lambda m: m.tuple_of(3),
    pickle.APPEND: lambda m: m.extend([m.stack.pop()]),
    pickle.APPENDS: lambda m: m.extend(m.since_mark()),
    pickle.ADDITEMS: lambda m: m.since_mark(),
    pickle.SETITEM: _setitem,
    pickle.SETITEMS: lambda m: m.setitems(m.since_mark()),
    pickle.DICT: _dict,
    pickle.OBJ: _obj,
    pickle.STACK_GLOBAL: _stack_global,
    pickle.REDUCE: _reduce,
    pickle.NEWOBJ: _reduce,
    pickle.NEWOBJ_EX: _newobj_ex,
    pickle.BUILD: lambda m: m.build(),
    pickle.PUT: lambda m: _put(m, int(m.line())),
    pickle.BINPUT: lambda m: _put(m, m.file.read(1)[0]),
    pickle.LONG_BINPUT: lambda m: _put(m, m.number(4)),
    pickle.MEMOIZE: lambda m: _put(m, len(m.memo)),
    pickle.PERSID: lambda m: m.reference(m.line()),
    pickle.BINPERSID: lambda m: m.reference(m.stack.pop()),
}
