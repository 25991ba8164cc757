"""Flags that are fields of a dataclass: HfArgumentParser and TRL's, tyro, simple-parsing, draccus, pyrallis."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pod_client.init.flags.flag import Flag, Takes
from pod_client.init.flags.kinds import constant, takes_by_type
from pod_client.init.source import called, dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pod_client.init.source import Source

HUGGING_FACES = {"HfArgumentParser", "TrlParser", "H4ArgumentParser"}
_HYPHENS = {"tyro"}
_PARSERS = {"tyro", "simple_parsing", "draccus", "pyrallis", "argparse_dataclass", "datargs", "chz"}


def flags(sources: Sequence[Source]) -> Iterator[Flag]:
    """Those of all dataclasses, where the program has a parser that makes flags of them."""
    packages = {package for source in sources for package in _PARSERS if source.uses(package)}
    if not packages and not parses_like_hugging_face(sources):
        return
    hyphens = bool(packages & _HYPHENS)
    for source in sources:
        for owner in source.classes.values():
            if any("dataclass" in ast.unparse(mark) for mark in owner.decorator_list):
                yield from _fields(owner, source, hyphens=hyphens)


def parses_like_hugging_face(sources: Sequence[Source]) -> bool:
    """Whether TrainingArguments' own fields are flags of the program."""
    return any(
        called(call).rpartition(".")[2] in HUGGING_FACES for source in sources for call in source.calls
    )


def _fields(owner: ast.ClassDef, source: Source, *, hyphens: bool) -> Iterator[Flag]:
    for line in owner.body:
        if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name):
            continue
        dest = line.target.id
        takes = takes_by_type(ast.unparse(line.annotation))
        spelt = dest.replace("_", "-") if hyphens else dest
        value = constant(line.value)
        is_switch = takes is Takes.TRUTH and (hyphens or value is False)
        yield Flag(
            f"--{spelt}",
            dest,
            source.place(line),
            Takes.SWITCH if is_switch else takes,
            required=line.value is None or _has_no_default(line.value),
            default=value,
        )


def _has_no_default(value: ast.expr) -> bool:
    if not isinstance(value, ast.Call) or not dotted(value.func).endswith("field"):
        return False
    return not {word.arg for word in value.keywords} & {"default", "default_factory"}
