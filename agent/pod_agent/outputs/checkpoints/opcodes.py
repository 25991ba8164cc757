"""What each opcode of a pickle does on the machine: a table, made to be quick, for some have hundreds of thousands."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable

from pod_agent.outputs.checkpoints.machine import MOST_TEXT, OPAQUE, Machine, Made

_MOST_DIGITS = 100
_INT = struct.Struct("<i").unpack
_UINT2 = struct.Struct("<H").unpack
_UINT4 = struct.Struct("<I").unpack
_FLOAT = struct.Struct(">d").unpack
Stack = list[object]
Read = Callable[[int], bytes]
Does = Callable[[Machine, Stack, Read], object]


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


def _short_text(m: Machine, s: Stack, r: Read) -> None:
    length = r(1)[0]
    data = r(length)
    if len(data) < length:
        m.take(1)  # says that it is cut
    s.append(data.decode("utf-8", "replace"))


def _reduce(m: Machine, s: Stack, _: Read) -> None:
    args = s.pop()
    s[-1] = m.made(s[-1], args)


def _newobj_ex(m: Machine, s: Stack, r: Read) -> None:
    s.pop()
    _reduce(m, s, r)


def _setitem(m: Machine, s: Stack, _: Read) -> None:
    value = s.pop()
    m.setitems([s.pop(), value])


def _dict(m: Machine, s: Stack, _: Read) -> None:
    items = m.since_mark()
    s.append({})
    m.setitems(items)


def _obj(m: Machine, s: Stack, _: Read) -> None:
    by, *args = m.since_mark()
    s.append(m.made(by, tuple(args)))


def _stack_global(m: Machine, s: Stack, _: Read) -> None:
    name = s.pop()
    s[-1] = m.named(str(s[-1]), str(name))


def _pair(_: Machine, s: Stack, __: Read) -> None:
    last = s.pop()
    s[-1] = (s[-1], last)


def _triple(_: Machine, s: Stack, __: Read) -> None:
    last, middle = s.pop(), s.pop()
    s[-1] = (s[-1], middle, last)


def _put1(m: Machine, s: Stack, r: Read) -> None:
    m.memo[r(1)[0]] = s[-1]


def _put4(m: Machine, s: Stack, r: Read) -> None:
    m.memo[_UINT4(r(4))[0]] = s[-1]


def _memoize(m: Machine, s: Stack, _: Read) -> None:
    m.memo[len(m.memo)] = s[-1]


def _put(m: Machine, s: Stack, _: Read) -> None:
    m.memo[int(m.line())] = s[-1]


def _tuple1(_: Machine, s: Stack, __: Read) -> None:
    s[-1] = (s[-1],)


DOES: dict[bytes, Does] = {
    pickle.PROTO: lambda m, _, __: m.skip(1),
    pickle.FRAME: lambda m, _, __: m.skip_ahead(m.number(8)),
    pickle.MARK: lambda m, s, _: m.marks.append(len(s)),
    pickle.POP: lambda m, _, __: m.pop(),
    pickle.POP_MARK: lambda m, _, __: m.since_mark(),
    pickle.DUP: lambda _, s, __: s.append(s[-1]),
    pickle.NONE: lambda _, s, __: s.append(None),
    pickle.NEWTRUE: lambda _, s, __: s.append(True),
    pickle.NEWFALSE: lambda _, s, __: s.append(False),
    pickle.INT: lambda m, s, _: s.append(_decimal(m)),
    pickle.LONG: lambda m, s, _: s.append(_decimal(m)),
    pickle.BININT: lambda _, s, r: s.extend(_INT(r(4))),
    pickle.BININT1: lambda _, s, r: s.append(r(1)[0]),
    pickle.BININT2: lambda _, s, r: s.extend(_UINT2(r(2))),
    pickle.LONG1: lambda m, s, _: s.append(_signed(m, 1)),
    pickle.LONG4: lambda m, s, _: s.append(_signed(m, 4)),
    pickle.FLOAT: lambda m, s, _: s.append(float(m.line())),
    pickle.BINFLOAT: lambda _, s, r: s.extend(_FLOAT(r(8))),
    pickle.STRING: lambda m, s, _: s.append(m.line().strip("'\"")),
    pickle.UNICODE: lambda m, s, _: s.append(m.line()),
    pickle.BINSTRING: lambda m, _, __: m.text(m.number(4)),
    pickle.SHORT_BINSTRING: _short_text,
    pickle.BINUNICODE: lambda m, _, r: m.text(_UINT4(r(4))[0]),
    pickle.SHORT_BINUNICODE: _short_text,
    pickle.BINUNICODE8: lambda m, _, __: m.text(m.number(8)),
    pickle.BINBYTES: lambda m, _, __: m.text(m.number(4), raw=True),
    pickle.SHORT_BINBYTES: lambda m, _, __: m.text(m.number(1), raw=True),
    pickle.BINBYTES8: lambda m, _, __: m.text(m.number(8), raw=True),
    pickle.BYTEARRAY8: lambda m, _, __: m.text(m.number(8), raw=True),
    pickle.NEXT_BUFFER: lambda _, s, __: s.append(OPAQUE),
    pickle.READONLY_BUFFER: lambda _, __, ___: None,
    pickle.EMPTY_TUPLE: lambda _, s, __: s.append(()),
    pickle.EMPTY_LIST: lambda _, s, __: s.append([]),
    pickle.EMPTY_DICT: lambda _, s, __: s.append({}),
    pickle.EMPTY_SET: lambda _, s, __: s.append(OPAQUE),
    pickle.TUPLE: lambda m, s, _: s.append(tuple(m.since_mark())),
    pickle.TUPLE1: _tuple1,
    pickle.TUPLE2: _pair,
    pickle.TUPLE3: _triple,
    pickle.LIST: lambda m, s, _: s.append(m.since_mark()),
    pickle.APPEND: lambda m, s, _: m.extend([s.pop()]),
    pickle.APPENDS: lambda m, _, __: m.extend(m.since_mark()),
    pickle.FROZENSET: lambda m, s, _: s.append(m.since_mark() and OPAQUE),
    pickle.ADDITEMS: lambda m, _, __: m.since_mark(),
    pickle.DICT: _dict,
    pickle.SETITEM: _setitem,
    pickle.SETITEMS: lambda m, _, __: m.setitems(m.since_mark()),
    pickle.GLOBAL: lambda m, s, _: s.append(m.named(m.line(), m.line())),
    pickle.INST: lambda m, s, _: s.append(Made(m.named(m.line(), m.line()), tuple(m.since_mark()))),
    pickle.STACK_GLOBAL: _stack_global,
    pickle.OBJ: _obj,
    pickle.REDUCE: _reduce,
    pickle.NEWOBJ: _reduce,
    pickle.NEWOBJ_EX: _newobj_ex,
    pickle.BUILD: lambda m, _, __: m.build(),
    pickle.GET: lambda m, s, _: s.append(m.memo[int(m.line())]),
    pickle.BINGET: lambda m, s, r: s.append(m.memo[r(1)[0]]),
    pickle.LONG_BINGET: lambda m, s, r: s.append(m.memo[_UINT4(r(4))[0]]),
    pickle.PUT: _put,
    pickle.BINPUT: _put1,
    pickle.LONG_BINPUT: _put4,
    pickle.MEMOIZE: _memoize,
    pickle.PERSID: lambda m, _, __: m.reference(m.line()),
    pickle.BINPERSID: lambda m, s, _: m.reference(s.pop()),
    pickle.EXT1: lambda m, s, _: s.append(_over(m, 1)),
    pickle.EXT2: lambda m, s, _: s.append(_over(m, 2)),
    pickle.EXT4: lambda m, s, _: s.append(_over(m, 4)),
}
