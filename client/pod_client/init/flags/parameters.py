"""Flags that are a function's parameters: click, typer, fire; also tyro where it is given a function."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pod_client.init.flags.flag import Flag, Style, Takes
from pod_client.init.flags.kinds import constant, takes_by_type
from pod_client.init.source import called, dotted, keyword, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.source import Function, Source


def flags(source: Source) -> Iterator[Flag]:
    for functions in source.functions.values():
        for function in functions:
            marks = [mark for mark in function.decorator_list if isinstance(mark, ast.Call)]
            for mark in marks:
                if called(mark).rpartition(".")[2] in {"option", "argument"}:
                    yield from _by_click(mark, function, source)
            if _is_typers(function, source):
                yield from _by_signature(function, source, hyphens=True)
            elif _is_given_to(function, source, "Fire"):
                yield from _by_signature(function, source, hyphens=False)
            elif _is_given_to(function, source, "cli", "CLI"):
                yield from _by_signature(function, source, hyphens=True)


def _by_click(mark: ast.Call, function: Function, source: Source) -> Iterator[Flag]:
    names = [name for arg in mark.args if (name := text_of(arg)) is not None]
    dashed = [name.split("/")[0] for name in names if name.startswith("-")]
    plain = [name for name in names if not name.startswith("-")]
    if called(mark).endswith("argument"):
        needed = keyword(mark, "required") is None and keyword(mark, "default") is None
        for name in plain[:1]:
            dest = name.lower().replace("-", "_")
            place = source.place(mark)
            yield Flag(name, dest, place, style=Style.POSITION, required=needed, owner=function.name)
        return
    if not dashed:
        return
    name = max(dashed, key=len)
    dest = plain[0] if plain else name.lstrip("-").lower().replace("-", "_")
    is_switch = constant(keyword(mark, "is_flag")) is True or any("/" in name for name in names)
    kind = keyword(mark, "type")
    takes = Takes.SWITCH if is_switch else takes_by_type(dotted(kind)) if kind is not None else Takes.TEXT
    yield Flag(
        name,
        dest,
        source.place(mark),
        takes,
        required=constant(keyword(mark, "required")) is True,
        default=constant(keyword(mark, "default")),
        owner=function.name,
    )


def _by_signature(function: Function, source: Source, *, hyphens: bool) -> Iterator[Flag]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    plain = [*function.args.posonlyargs, *function.args.args]
    defaults: dict[str, ast.expr | None] = dict(
        zip((arg.arg for arg in reversed(plain)), reversed(function.args.defaults), strict=False)
    )
    defaults |= dict(
        zip((arg.arg for arg in function.args.kwonlyargs), function.args.kw_defaults, strict=True)
    )
    for arg in arguments:
        if arg.arg in {"self", "cls", "ctx"}:
            continue
        given = defaults.get(arg.arg)
        named = _typers_own_name(given)
        spelt = arg.arg.replace("_", "-") if hyphens else arg.arg
        default = given.args[0] if isinstance(given, ast.Call) and given.args else given
        value = constant(default)
        written = ast.unparse(arg.annotation) if arg.annotation is not None else ""
        takes = Takes.SWITCH if isinstance(value, bool) and hyphens else takes_by_type(written)
        needed = given is None or (isinstance(value, type(...)))
        place = source.place(arg)
        yield Flag(
            named or f"--{spelt}", arg.arg, place, takes, required=needed, default=value, owner=function.name
        )


def _typers_own_name(given: ast.expr | None) -> str | None:
    if not isinstance(given, ast.Call) or not called(given).endswith("Option"):
        return None
    names = [name for arg in given.args if (name := text_of(arg)) is not None and name.startswith("--")]
    return names[0].split("/")[0] if names else None


def _is_typers(function: Function, source: Source) -> bool:
    if not source.uses("typer"):
        return False
    marks = [mark.func if isinstance(mark, ast.Call) else mark for mark in function.decorator_list]
    named = any(dotted(mark).endswith((".command", ".callback")) for mark in marks)
    return named or any(
        called(call) == "typer.run" and call.args and dotted(call.args[0]) == function.name
        for call in source.calls
    )


def _is_given_to(function: Function, source: Source, *names: str) -> bool:
    if not source.uses("fire", "tyro", "jsonargparse", "defopt"):
        return False
    return any(
        called(call).rpartition(".")[2] in names and call.args and dotted(call.args[0]) == function.name
        for call in source.calls
    )
