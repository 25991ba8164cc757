"""One value at a time: what makes it good, and in which words it is bad. Pure; no value ever enters a message.

Each check takes what a source gave (text from an environment, typed values from TOML and JSON) and returns the
field's value, or raises ``BadValue``. Not here: rules between fields (parse.py).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from pod_wire.texts import TEXTS, BadValue
from pod_wire.variable import COMMAND_LIMIT_BYTES, TEXT_LIMIT_BYTES, Kind

if TYPE_CHECKING:
    from pod_wire.texts import Value
    from pod_wire.variable import Variable


_RUNPOD_SECRET: Final = re.compile(r"\{\{\s*RUNPOD_SECRET_")
_TRUE: Final = frozenset({"1", "true", "yes"})
_FALSE: Final = frozenset({"0", "false", "no"})
_LARGEST_PORT: Final = 65535


def is_unset(variable: Variable, given: object) -> bool:
    """Whether nothing was said: null, or empty text where empty means nothing."""
    if given is None:
        return True
    if not isinstance(given, str):
        return False
    return not given.strip() and variable.kind is not Kind.FILE and variable.name != "POD_RESUME"


def unresolved_secret(given: object) -> bool:
    """Whether RunPod left its secret's template unreplaced."""
    return isinstance(given, str) and _RUNPOD_SECRET.search(given) is not None


def check(variable: Variable, given: object, *, typed: bool) -> Value:
    """The value for the field, or BadValue. ``typed``: TOML or JSON, where numbers and flags have types."""
    match variable.kind:
        case Kind.FLAG:
            return _flag(given, typed=typed)
        case Kind.NUMBER:
            return _number(variable, given, typed=typed)
        case Kind.COUNT:
            return _count(variable, given, typed=typed)
        case Kind.PORT:
            return _port(given, typed=typed)
        case _:
            return TEXTS[variable.kind](_text(variable, given))


def _text(variable: Variable, given: object) -> str:
    if not isinstance(given, str):
        raise BadValue("must be text")
    if "\0" in given:
        raise BadValue("holds a NUL byte")
    try:
        size = len(given.encode())
    except UnicodeEncodeError:
        raise BadValue("is not valid UTF-8") from None
    limit = COMMAND_LIMIT_BYTES if variable.kind in {Kind.COMMAND, Kind.KEY} else TEXT_LIMIT_BYTES
    if size > limit:
        remedy = "put it into a script of the repository" if variable.kind is Kind.COMMAND else ""
        raise BadValue(f"is longer than {limit} bytes", remedy)
    return given


def _flag(given: object, *, typed: bool) -> bool:
    if isinstance(given, bool):
        return given
    if not typed and isinstance(given, str):
        word = given.strip().lower()
        if word in _TRUE | _FALSE:
            return word in _TRUE
    raise BadValue("must be true or false" if typed else "must be 0 or 1 (or true, false, yes, no)")


def _plain_number(given: object, *, typed: bool) -> float:
    if typed:
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise BadValue("must be a number")
        try:
            return float(given)
        except OverflowError:
            raise BadValue("is too large") from None
    if not isinstance(given, str) or "_" in given:
        raise BadValue("must be a number")
    try:
        return float(given)
    except ValueError:
        raise BadValue("must be a number") from None


def _number(variable: Variable, given: object, *, typed: bool) -> float:
    number = _plain_number(given, typed=typed)
    if math.isnan(number) or math.isinf(number):
        raise BadValue("must be a finite number")
    if number < variable.least:
        raise BadValue("must not be negative")
    if variable.above_least and number == variable.least:
        raise BadValue(f"must be more than {variable.least:g}", "leave it out for no limit")
    if number > variable.most:
        raise BadValue(f"must be at most {variable.most:g}")
    return number + 0.0  # minus zero becomes zero


def _count(variable: Variable, given: object, *, typed: bool) -> int:
    if typed and type(given) is not int:
        raise BadValue("must be a whole number")
    number = _number(variable, given, typed=typed)
    if number != int(number):
        raise BadValue("must be a whole number")
    return int(number)


def _port(given: object, *, typed: bool) -> int:
    number = _plain_number(given, typed=typed)
    if not 1 <= number <= _LARGEST_PORT or number != int(number):
        raise BadValue("must be a whole number from 1 to 65535")
    return int(number)
