"""Where a value of a program comes from: backwards from an expression to flags, constants and calls.

Names are followed through assignments, and parameters to the calls that fill them. It is a reading, not a proof.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pod_client.init.origin import Origins
from pod_client.init.source import called, dotted, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.program import Program
    from pod_client.init.source import Function, Source

MOST_STEPS = 400
_OTHER_MATTER = {"load", "loads", "range", "len", "enumerate"}  # what these hand back is no path any more
_JOINS = {"join", "joinpath", "format", "with_name"}
_NO_SETTINGS = {
    "os",
    "sys",
    "torch",
    "np",
    "numpy",
    "tf",
    "jax",
    "math",
    "time",
    "json",
    "pathlib",
    "shutil",
    "path",
}


def origins(program: Program, source: Source, expression: ast.expr | None) -> Origins:
    found = Origins()
    if expression is not None:
        _Search(program, found).follow(source, expression)
    return found


@dataclass(slots=True)
class _Search:
    program: Program
    found: Origins
    seen: set[int] = field(default_factory=set)

    def follow(self, source: Source, expression: ast.expr) -> None:
        todo: list[tuple[Source, ast.expr]] = [(source, expression)]
        while todo and len(self.seen) < MOST_STEPS:
            where, node = todo.pop(0)
            if id(node) in self.seen:
                continue
            self.seen.add(id(node))
            for inner in _meant(node):
                todo += self._step(where, inner)

    def _step(self, source: Source, node: ast.expr) -> Iterator[tuple[Source, ast.expr]]:
        match node:
            case ast.Constant(value=value):
                self.found.constants.append(value)
            case ast.Attribute(value=base, attr=name):
                yield from self._attribute(source, node, base, name)
            case ast.Subscript(slice=ast.Constant(value=str(name))):
                self._setting(name, name)
            case ast.JoinedStr(values=parts):
                self.found.joined = True
                self.found.constants.append("".join(text_of(part) or "*" for part in parts))
            case ast.BinOp():
                self.found.joined = True
            case ast.Call(args=args):
                self.found.calls.add(called(node))
                self.found.joined |= called(node).rpartition(".")[2] in _JOINS
                if called(node).rpartition(".")[2] in {"getattr", "get", "pop"} and args:
                    key = text_of(args[1] if called(node) == "getattr" and len(args) > 1 else args[0])
                    if key is not None:
                        self._setting(key, key)
                yield from self._returned(source, node)
            case ast.Name(id=name):
                yield from self._name(source, node, name)
            case _:
                pass

    def _attribute(
        self, source: Source, node: ast.expr, base: ast.expr, name: str
    ) -> Iterator[tuple[Source, ast.expr]]:
        whole = dotted(node)
        if dotted(base).partition(".")[0] in _NO_SETTINGS:
            return
        if whole.count(".") == 1 and whole.startswith(("self.", "cls.")):
            values = source.values(None, f"self.{name}")
            yield from ((source, value) for value in values)
            if values:
                return
        if not self._setting(name, whole) and not isinstance(base, ast.Name):
            yield source, base  # a method of it: args.start.open

    def _setting(self, name: str, whole: str) -> bool:
        """A field of the settings: one of the flags, or something that no flag is known for."""
        fitting = [flag for flag in self.program.flags if flag.dest == name and flag.owner is None]
        longest = [flag for flag in fitting if whole.endswith(f".{flag.name}")] or fitting
        self.found.flags += [flag for flag in longest[:1] if flag not in self.found.flags]
        if not fitting:
            self.found.fields.append(name)
        return bool(fitting)

    def _name(self, source: Source, node: ast.expr, name: str) -> Iterator[tuple[Source, ast.expr]]:
        scope = source.scope(node)
        yield from ((source, value) for value in source.assigned(scope, name, node.lineno))
        if scope is not None and name in (names := _parameters(scope)):
            mine = [f for f in self.program.flags if f.owner == scope.name and f.dest == name]
            self.found.flags += [flag for flag in mine if flag not in self.found.flags]
            yield from self._given(source, scope, name, names)
        elif scope is None or not source.values(scope, name):
            tops = [f for f in self.program.flags if f.dest == name and f.place.name == source.name]
            style = [f for f in tops if f.owner is None and f.place.line in _lines(source, name)]
            self.found.flags += [flag for flag in style if flag not in self.found.flags]

    def _given(
        self, source: Source, function: Function, name: str, names: list[str]
    ) -> Iterator[tuple[Source, ast.expr]]:
        """What callers of a function, or makers of its class, give for a parameter."""
        owner = source.owner(function)
        wanted = owner.name if owner is not None and function.name == "__init__" else function.name
        place = names.index(name) - (1 if owner is not None else 0)
        for other, call in self.program.calls_of(wanted):
            given = next((word.value for word in call.keywords if word.arg == name), None)
            if (
                given is None
                and 0 <= place < len(call.args)
                and not isinstance(call.args[place], ast.Starred)
            ):
                given = call.args[place]
            if given is not None:
                yield other, given

    def _returned(self, source: Source, call: ast.Call) -> Iterator[tuple[Source, ast.expr]]:
        """What a function of the same file hands back: ``find_latest(args.out)`` and the like."""
        for function in source.functions.get(called(call), [])[:1]:
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and node.value is not None:
                    yield source, node.value


def _meant(node: ast.expr) -> Iterator[ast.expr]:
    """The parts of an expression that its value may be made of; what a condition asks is not."""
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop(0)
        if isinstance(part, ast.expr):
            yield part
        match part:
            case ast.IfExp(body=body, orelse=other):
                todo += [body, other]
            case ast.Attribute() | ast.Compare() | ast.Lambda():
                continue
            case ast.Call() if called(part).rpartition(".")[2] in _OTHER_MATTER:
                continue
            case _:
                todo += list(ast.iter_child_nodes(part))


def _parameters(function: Function) -> list[str]:
    args = function.args
    return [arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)]


def _lines(source: Source, name: str) -> set[int]:
    """The lines at a file's top that give a name its value."""
    return {value.lineno for value in source.values(None, name)}
