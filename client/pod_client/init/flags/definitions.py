"""Flags declared by absl's ``flags.DEFINE_…``, and constants that a configurator overrides, as in nanoGPT."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from pod_client.init.flags.flag import Flag, Style, Takes
from pod_client.init.flags.kinds import constant
from pod_client.init.source import argument, called, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.source import Source

_ABSL = re.compile(r"DEFINE_(\w+)$")
_KINDS = {"integer": Takes.NUMBER, "float": Takes.NUMBER, "bool": Takes.TRUTH, "boolean": Takes.TRUTH}
_CONFIGURATOR = re.compile(r"exec\(\s*open\(\s*['\"][^'\"]*config\w*\.py['\"]")


def absl(source: Source) -> Iterator[Flag]:
    for call in source.calls:
        kind = _ABSL.search(called(call))
        name = text_of(argument(call, 0, "name"))
        if kind is not None and name is not None:
            takes = _KINDS.get(kind[1], Takes.TEXT)
            value = constant(argument(call, 1, "default"))
            yield Flag(f"--{name}", name, source.place(call), takes, Style.EQUALS, default=value)


def overridden(source: Source) -> Iterator[Flag]:
    """``exec(open('configurator.py').read())``: every constant above it is a flag of the same name."""
    if source.tree is None or not (ran := _CONFIGURATOR.search(source.text)):
        return
    last = source.text.count("\n", 0, ran.start()) + 1
    for line in source.tree.body:
        if not isinstance(line, ast.Assign) or line.lineno > last or not isinstance(line.value, ast.Constant):
            continue
        value = line.value.value
        takes = (
            Takes.TRUTH if isinstance(value, bool) else Takes.TEXT if isinstance(value, str) else Takes.NUMBER
        )
        for target in line.targets:
            if isinstance(target, ast.Name):
                name = target.id
                yield Flag(f"--{name}", name, source.place(line), takes, Style.EQUALS, default=value)
