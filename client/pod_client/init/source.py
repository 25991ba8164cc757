"""One program of the repository: its text, its syntax tree where Python 3 has one, who assigns what where.

Nothing is run. A file that does not parse keeps its text, and recognisers that need no tree still read it.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections import defaultdict
from dataclasses import field
from functools import cached_property

from pod_wire.frozen import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef
_MAGIC = re.compile(r"^\s*[%!?]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was seen."""

    name: str
    line: int

    def __str__(self) -> str:
        return f"{self.name}:{self.line}"


@dataclass(slots=True)
class Index:
    """What stands in a tree, found in one pass."""

    imports: list[str] = field(default_factory=list)  # as they are written; relative ones begin with dots
    calls: list[ast.Call] = field(default_factory=list)
    functions: dict[str, list[Function]] = field(default_factory=lambda: defaultdict(list))
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    values: dict[tuple[int, str], list[ast.expr]] = field(default_factory=lambda: defaultdict(list))
    blocks: dict[tuple[int, str], list[tuple[range, ast.expr]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    scopes: dict[int, Function | None] = field(default_factory=dict)  # by id of a node
    owners: dict[int, ast.ClassDef] = field(default_factory=dict)  # the class of a method, by its id


@dataclass(frozen=True)
class Source:
    """A program. It is parsed and indexed when something of that is asked for, which for most files is never."""

    name: str
    text: str
    parameters: range = range(0)  # the lines of a notebook's cell that papermill sets

    @cached_property
    def tree(self) -> ast.Module | None:
        """None where Python 3 cannot parse the text; then nothing is known but the text itself."""
        return _tree(self.text)

    @cached_property
    def index(self) -> Index:
        return _index(self.tree) if self.tree is not None else Index()

    @property
    def imports(self) -> list[str]:
        return self.index.imports

    @property
    def calls(self) -> list[ast.Call]:
        return self.index.calls

    @property
    def functions(self) -> dict[str, list[Function]]:
        return self.index.functions

    @property
    def classes(self) -> dict[str, ast.ClassDef]:
        return self.index.classes

    def place(self, node: ast.AST) -> Place:
        return Place(self.name, getattr(node, "lineno", 1))

    def scope(self, node: ast.AST) -> Function | None:
        return self.index.scopes.get(id(node))

    def owner(self, function: Function) -> ast.ClassDef | None:
        return self.index.owners.get(id(function))

    def values(self, scope: Function | None, name: str) -> list[ast.expr]:
        """All that a name is given in a function, or at the file's top."""
        return self.index.values.get((id(scope), name), [])

    def assigned(self, scope: Function | None, name: str, line: int) -> list[ast.expr]:
        """What a name is given in a function, else at the file's top; inside ``with … as name``, that alone."""
        around = [value for lines, value in self.index.blocks.get((id(scope), name), []) if line in lines]
        if around:
            return around[-1:]
        return self.values(scope, name) or (self.values(None, name) if scope is not None else [])

    def uses(self, *packages: str) -> bool:
        """Whether one of these packages is imported."""
        return any(name.split(".")[0] in packages or name in packages for name in self.imports)


def parse_notebook(name: str, text: str) -> Source | None:
    """The code of a notebook's cells, as one program; None for what is no notebook."""
    lines: list[str] = []
    parameters = range(0)
    try:
        for cell in json.loads(text)["cells"]:
            code = "".join(cell["source"])
            if cell["cell_type"] != "code" or code.startswith("%%"):
                continue
            begin = len(lines) + 1
            lines += [line for line in code.split("\n") if not _MAGIC.match(line)]
            if "parameters" in cell.get("metadata", {}).get("tags", ()):
                parameters = range(begin, len(lines) + 1)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Source(name, "\n".join(lines), parameters)


def called(call: ast.Call) -> str:
    """The dotted name that is called, as far as it has one: ``torch.load``, ``trainer.train``, ``.load``."""
    return dotted(call.func)


def dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((word.value for word in call.keywords if word.arg == name), None)


def argument(call: ast.Call, place: int, *names: str) -> ast.expr | None:
    """An argument by one of its names, else by its place."""
    for name in names:
        if (found := keyword(call, name)) is not None:
            return found
    plain = [arg for arg in call.args if not isinstance(arg, ast.Starred)]
    return plain[place] if 0 <= place < len(plain) else None


def text_of(node: ast.expr | None) -> str | None:
    """A constant text, else None."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stranger's "\d" is not ours to mention
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _index(tree: ast.Module) -> Index:
    """One pass without recursion: a file may be nested deeper than our stack."""
    source = Index()
    todo: list[tuple[ast.AST, Function | None, ast.ClassDef | None]] = [(tree, None, None)]
    while todo:
        node, scope, owner = todo.pop()
        source.scopes[id(node)] = scope
        inner, inside = scope, owner
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                source.functions[node.name].append(node)
                inner = node
                if owner is not None:
                    source.owners[id(node)] = owner
            case ast.ClassDef():
                source.classes[node.name] = node
                inside = node
            case ast.Call():
                source.calls.append(node)
            case ast.Import(names=names):
                source.imports += [alias.name for alias in names]
            case ast.ImportFrom(module=module, names=names, level=level):
                stem = "." * level + (module or "")
                joint = "" if stem.endswith(".") else "."
                source.imports += [stem, *(f"{stem}{joint}{alias.name}" for alias in names)]
            case _:
                pass
        _note_values(source, node, scope)
        todo += [(child, inner, inside) for child in ast.iter_child_nodes(node)]
    source.calls.sort(key=lambda call: (call.lineno, call.col_offset))
    return source


def _note_values(source: Index, node: ast.AST, scope: Function | None) -> None:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _note(source, target, value, scope)
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
        ):
            _note(source, target, value, scope)
        case ast.For(target=target, iter=value):
            _note(source, target, value, scope)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            for item in items:
                if isinstance(item.optional_vars, ast.Name):
                    source.blocks[id(scope), item.optional_vars.id].append((lines, item.context_expr))
        case _:
            pass


def _note(source: Index, target: ast.expr, value: ast.expr, scope: Function | None) -> None:
    match target:
        case ast.Name(id=name):
            source.values[id(scope), name].append(value)
        case ast.Attribute(value=ast.Name(id=("self" | "cls")), attr=attr):
            source.values[id(None), f"self.{attr}"].append(value)
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            pairs = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            for place, each in enumerate(targets):
                _note(source, each, pairs[place] if len(pairs) == len(targets) else value, scope)
        case _:
            pass
