"""What a declared type or a default says about the value that a flag takes. Pure."""

from __future__ import annotations

import ast
import re

from pod_client.init.flags.flag import Takes

_BOOL = re.compile(r"\bbool", re.IGNORECASE)
_NUMBER = re.compile(r"\b(?:int|float|INT|FLOAT|IntRange|FloatRange)\b")
_TEXT = re.compile(r"\b(?:str|Path|PathLike|STRING)\b|Path$")


def takes_by_type(written: str) -> Takes:
    """From an annotation or a type as it is written; a text wins where several are allowed."""
    if _TEXT.search(written):
        return Takes.TEXT
    if _BOOL.search(written):
        return Takes.TRUTH
    return Takes.NUMBER if _NUMBER.search(written) else Takes.TEXT


def constant(node: ast.expr | None) -> object:
    """The value of a constant; None for everything else."""
    return node.value if isinstance(node, ast.Constant) else None
