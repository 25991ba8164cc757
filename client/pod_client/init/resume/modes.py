"""A flag that has ``resume`` as one of its values, as nanoGPT's ``init_from``: the program then looks in its folder."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pod_client.init.flags.flag import Takes
from pod_client.init.origins import origins
from pod_client.init.resume.way import Gap, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.program import Program

_WORDS = {"resume", "continue", "restart", "last", "latest"}


def recognise(program: Program) -> Iterator[Way | Gap]:
    for source in program.sources:
        for node in ast.walk(source.tree) if source.tree is not None else ():
            if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq):
                continue
            word = next((c.value for c in node.comparators if isinstance(c, ast.Constant)), None)
            if not isinstance(word, str) or word not in _WORDS:
                continue
            for flag in origins(program, source, node.left).flags:
                if flag.takes in {Takes.TEXT, Takes.MAYBE}:
                    text = (
                        flag.with_checkpoint().replace("{checkpoint}", word).replace("'", "").replace('"', "")
                    )
                    reason = f"{flag.name} with the value {word} makes it look in its own folder ({source.place(node)})"
                    weight = 86 if word == "resume" else 78
                    yield Way(text, reason, flag.place, weight, ("the checkpoint is put back there first",))
