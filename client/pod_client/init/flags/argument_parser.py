"""Flags declared by argparse, optparse and configargparse: one ``add_argument`` each."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pod_client.init.flags.flag import Flag, Style, Takes
from pod_client.init.source import called, dotted, keyword, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.source import Source

_NUMBERS = {"int", "float"}
_SWITCHES = {"store_true", "store_false", "store_const", "count"}
_NOTHING_TO_TELL = {"help", "version"}


def flags(source: Source) -> Iterator[Flag]:
    for call in source.calls:
        if called(call).rpartition(".")[2] in {"add_argument", "add_option"}:
            found = _flag(call, source)
            if found is not None:
                yield found


def made_of_names(source: Source, entry: Source) -> Iterator[Flag]:
    """``add_argument(f"--{name}")`` over a dictionary of defaults: each of the entry's names is a flag."""
    adds = [call for call in source.calls if called(call).endswith("add_argument") and call.args]
    if not any(isinstance(call.args[0], ast.JoinedStr) for call in adds):
        return
    for call in entry.calls:
        words = call.keywords if called(call) in {"dict", "defaults.update", "update"} else []
        for word in words:
            if word.arg is not None and isinstance(word.value, ast.Constant):
                value = word.value.value
                takes = Takes.NUMBER if isinstance(value, (int, float)) else Takes.TEXT
                yield Flag(f"--{word.arg}", word.arg, entry.place(word.value), takes, default=value)


def _flag(call: ast.Call, source: Source) -> Flag | None:
    names = [name for arg in call.args if (name := text_of(arg)) is not None]
    if not names or text_of(keyword(call, "action")) in _NOTHING_TO_TELL:
        return None
    long = [name for name in names if name.startswith("--")]
    name = (long or names)[0]
    dest = text_of(keyword(call, "dest")) or name.lstrip("-").replace("-", "_")
    place = source.place(call)
    default = keyword(call, "default")
    value = default.value if isinstance(default, ast.Constant) else None
    if not name.startswith("-"):
        many = text_of(keyword(call, "nargs")) in {"?", "*"}
        return Flag(name, dest, place, _takes(call), Style.POSITION, required=not many and default is None)
    required = keyword(call, "required")
    needed = isinstance(required, ast.Constant) and required.value is True
    return Flag(name, dest, place, _takes(call), required=needed, default=value)


def _takes(call: ast.Call) -> Takes:
    action = keyword(call, "action")
    if text_of(action) in _SWITCHES or (action is not None and "BooleanOptional" in dotted(action)):
        return Takes.SWITCH
    kind = keyword(call, "type")
    word = (text_of(kind) or dotted(kind)) if kind is not None else ""
    if text_of(keyword(call, "nargs")) == "?":
        return Takes.MAYBE
    if word in _NUMBERS:
        return Takes.NUMBER
    return Takes.TRUTH if "bool" in word.lower() else Takes.TEXT
