"""Frozen values, declared without what the standard decorator costs at every start; for type checkers it is that one.

``dataclasses.dataclass(frozen=True, slots=True)`` compiles six functions for each class, 0.4 ms: a tenth of a second of
CPU for the agent's. Here one is compiled, when the first value is made, and the others are shared by what they compare.
``fields``, ``replace``, ``asdict`` and ``match`` work as ever. Values that change have the standard one.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from typing import Protocol

    class Init(Protocol):
        __qualname__: str

        def __call__(self, value: object, *args: object, **named: object) -> None: ...


__all__ = ["dataclass"]
_UNSAID = object()

if not TYPE_CHECKING:

    def dataclass(*, frozen: bool = False, slots: bool = False) -> Callable[[type], type]:
        """As the standard one's. A frozen value with other options than these has to ask that one."""
        if frozen and slots:
            return _declared
        return dataclasses.dataclass(frozen=frozen, slots=slots)


def _declared(kind: type) -> type:
    if kind.__doc__ is None:
        kind.__doc__ = kind.__name__  # else its signature would be looked up for that
    own = vars(kind)
    made: type = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(kind)
    if odd := [one.name for one in _fields(made) if one.kw_only or not one.init]:
        raise TypeError(f"{kind.__name__}: {', '.join(odd)} needs the standard library's dataclass")
    for name, method in _methods(made).items():
        if own.get(name) is None:
            setattr(made, name, method)
    return made


def _fields(kind: type) -> tuple[dataclasses.Field[object], ...]:
    return dataclasses.fields(kind)


def _methods(made: type) -> dict[str, object]:
    """What every value does, over this one's fields. A class that has one of its own keeps it."""
    compared = _getter([one.name for one in _fields(made) if one.compare])

    def __init__(self: object, *args: object, **named: object) -> None:  # noqa: N807 - a method
        init = _compiled_init(made)
        setattr(made, "__init__", init)  # noqa: B010 - a type checker forbids the assignment
        init(self, *args, **named)

    def __eq__(self: object, other: object) -> bool:  # noqa: N807 - a method
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:  # noqa: N807 - a method
        return hash(compared(self))

    return {
        "__init__": __init__,
        "__eq__": __eq__,
        "__hash__": __hash__,
        "__repr__": _repr,
        "__setattr__": _refuse_to_set,
        "__delattr__": _refuse_to_delete,
        "__getstate__": _state,
        "__setstate__": _set_state,
    }


def _getter(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _compiled_init(made: type) -> Init:
    """Straight into the slots, as nothing else may write there."""
    known: dict[str, object] = {"_unsaid": _UNSAID}
    parameters, body = ["self"], []
    for one in _fields(made):
        name, value = one.name, one.name
        known[f"_set_{name}"] = getattr(made, name).__set__
        if one.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = one.default
            parameters.append(f"{name}=_default_{name}")
        elif one.default_factory is not dataclasses.MISSING:
            known[f"_make_{name}"] = one.default_factory
            parameters.append(f"{name}=_unsaid")
            value = f"_make_{name}() if {name} is _unsaid else {name}"
        else:
            parameters.append(name)
        body.append(f"_set_{name}(self, {value})")
    if hasattr(made, "__post_init__"):
        body.append("self.__post_init__()")
    lines = "\n ".join(body or ["pass"])
    exec(f"def __init__({', '.join(parameters)}):\n {lines}", known)  # noqa: S102 - names of fields alone
    init = cast("Init", known["__init__"])
    init.__qualname__ = f"{made.__qualname__}.__init__"
    return init


def _repr(self: object) -> str:
    told = (f"{one.name}={getattr(self, one.name)!r}" for one in _fields(type(self)) if one.repr)
    return f"{type(self).__qualname__}({', '.join(told)})"


def _refuse_to_set(_self: object, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: object) -> list[object]:
    return [getattr(self, one.name) for one in _fields(type(self))]


def _set_state(self: object, state: list[object]) -> None:
    for one, value in zip(_fields(type(self)), state, strict=True):
        object.__setattr__(self, one.name, value)
