"""What a notebook can be told: papermill's ``-p name value``, for the names of its cell tagged ``parameters``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pod_client.init.flags.flag import Flag, Takes
from pod_client.init.flags.kinds import constant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.source import Source


def flags(source: Source) -> Iterator[Flag]:
    for line in source.tree.body if source.tree is not None else ():
        if not isinstance(line, ast.Assign) or line.lineno not in source.parameters:
            continue
        value = constant(line.value)
        takes = (
            Takes.TRUTH
            if isinstance(value, bool)
            else Takes.NUMBER
            if isinstance(value, (int, float))
            else Takes.TEXT
        )
        for target in line.targets:
            if isinstance(target, ast.Name):
                yield Flag(f"-p {target.id}", target.id, source.place(line), takes, default=value)
