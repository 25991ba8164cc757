"""Frozen values to JSON and back: tolerant of keys it does not know, strict about types, honest about versions.

The one module in which ``Any`` is allowed. Not here: where the bytes come from or go.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from pod_wire.errors import BadInput, Mistake
from pod_wire.routes import FORMAT

T = TypeVar("T")
NO_TEXT = frozenset({bool, int, float, type(None)})
_AS_THEY_ARE = NO_TEXT | {
    str
}  # most values: the status is written again and again, and a call for each would tell


class _WrongShape(Exception):
    """Where the data differs from the type, on its way to becoming a BadInput."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(problem)
        self.path = path
        self.problem = problem


def to_plain(value: object) -> Any:
    """Dataclasses, StrEnums, tuples and mappings as what ``json`` knows. A Secret is never written."""
    kind: Any = type(value)
    if kind in _AS_THEY_ARE:
        return value
    names = _names(kind)
    if names is not None:
        return {
            name: item if type(item) in _AS_THEY_ARE else to_plain(item)
            for name in names
            for item in (getattr(value, name),)
        }
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {_key(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"cannot write a {type(value).__name__} as JSON")


@functools.cache
def _names(kind: Any) -> tuple[str, ...] | None:
    """Of a dataclass's fields; None for any other type."""
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


def to_json(value: object) -> bytes:
    """One line of ASCII JSON."""
    return plain_json(to_plain(value))


def plain_json(plain: object) -> bytes:
    """The same of what ``to_plain`` has made already."""
    return json.dumps(plain, allow_nan=False, separators=(",", ":")).encode("ascii")


def from_json(kind: type[T], data: bytes | bytearray | str | Mapping[str, object]) -> T:
    """A value of ``kind`` (a dataclass). Unknown keys are ignored; a newer ``format`` is refused."""
    what = kind.__name__
    plain = data if isinstance(data, Mapping) else _load(what, data)
    if not isinstance(plain, Mapping):
        raise BadInput(f"cannot read a {what}: the JSON is not an object")
    version = plain.get("format", FORMAT)
    if not isinstance(version, int) or isinstance(version, bool):
        raise BadInput(f"cannot read a {what}: its format is not a number")
    if version > FORMAT:
        raise BadInput(
            f"cannot read a {what}: its format is {version}, this podkeep knows up to {FORMAT}",
            hint="update podkeep on this side; nothing was changed",
        )
    try:
        return typing.cast("T", _build(kind, plain, ""))
    except _WrongShape as error:
        mistake = Mistake(error.path or what, error.problem)
        raise BadInput(f"cannot read a {what}: {error.path} {error.problem}", (mistake,)) from None


def _load(what: str, data: bytes | bytearray | str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise BadInput(f"cannot read a {what}: this is not JSON") from None


def _key(key: object) -> str:
    if isinstance(key, str):
        return str(key)
    raise TypeError(f"cannot write a {type(key).__name__} as a key of JSON")


@functools.cache
def _fields(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    hints = typing.get_type_hints(kind)
    return tuple(
        (
            field.name,
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
        if field.init
    )


def _build(kind: Any, data: Mapping[str, object], path: str) -> Any:
    values = {}
    for name, hint, needed in _fields(kind):
        inner = f"{path}.{name}" if path else name
        if name in data:
            values[name] = _value(hint, data[name], inner)
        elif needed:
            raise _WrongShape(inner, "is missing")
    return kind(**values)


def _value(hint: Any, data: object, path: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _one_of(hint, data, path)
    if hint is type(None):
        if data is None:
            return None
        raise _WrongShape(path, "must be null")
    if origin is tuple:
        return _items(hint, data, path)
    if origin is not None and issubclass(origin, Mapping):
        return _entries(hint, data, path)
    if dataclasses.is_dataclass(hint):
        if isinstance(data, Mapping):
            return _build(hint, data, path)
        raise _WrongShape(path, "must be an object")
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _member(hint, data, path)
    return _scalar(hint, data, path)


def _one_of(hint: Any, data: object, path: str) -> Any:
    arms = typing.get_args(hint)
    if data is None and type(None) in arms:
        return None
    first: _WrongShape | None = None
    for arm in arms:
        if arm is type(None):
            continue
        if arm is float and int in arms and type(data) is int:
            continue  # a whole number stays whole where both are allowed
        try:
            return _value(arm, data, path)
        except _WrongShape as error:
            first = first or error
    raise first or _WrongShape(path, "has the wrong type")


def _items(hint: Any, data: object, path: str) -> tuple[Any, ...]:
    if not isinstance(data, (list, tuple)):
        raise _WrongShape(path, "must be a list")
    arms = typing.get_args(hint)
    if len(arms) == 2 and arms[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        return tuple(_value(arms[0], item, f"{path}[{i}]") for i, item in enumerate(data))
    if len(arms) != len(data):
        raise _WrongShape(path, f"must hold {len(arms)} items")
    return tuple(
        _value(arm, item, f"{path}[{i}]") for i, (arm, item) in enumerate(zip(arms, data, strict=True))
    )


def _entries(hint: Any, data: object, path: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise _WrongShape(path, "must be an object")
    arm = typing.get_args(hint)[1]
    return {_key(key): _value(arm, item, f"{path}[{key!r}]") for key, item in data.items()}


def _member(hint: type[StrEnum], data: object, path: str) -> StrEnum:
    try:
        if isinstance(data, str):
            return hint(data)
        raise ValueError  # noqa: TRY301 - the same words for both
    except ValueError:
        raise _WrongShape(path, f"must be one of {', '.join(hint)}") from None


def _scalar(hint: Any, data: object, path: str) -> Any:
    if hint is float and isinstance(data, (int, float)) and not isinstance(data, bool):
        try:
            number = float(data)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
        raise _WrongShape(path, "must be a finite number")
    if hint is object:
        return data
    if type(data) is hint:
        return data
    raise _WrongShape(path, f"must be {_CALLED.get(hint, 'of another type')}")


_CALLED: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
