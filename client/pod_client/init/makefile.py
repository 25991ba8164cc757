"""The ``train`` target of a Makefile, read as text: what it runs, and the variable that passes words on to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_client.init.source import Place
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_client.init.repository import Repository

LONGEST = 1000  # of a value, and of a line that is filled further
_TARGET = re.compile(r"^(train|training|run-train|fit)\s*:(?!=)(.*)$")
_SETTING = re.compile(r"^(?:export\s+)?([A-Za-z_]\w*)\s*[:?]?=\s*(.*)$")
_VARIABLE = re.compile(r"\$[({](\w+)[)}]")
_PASSES = re.compile(r"^(?:EXTRA_?)?(?:TRAIN_?)?(?:ARGS|OPTS|OPTIONS|FLAGS|EXTRA|ARGUMENTS)$")

_RESUMES = re.compile(r"^(?:RESUME|RESTORE|CKPT|CHECKPOINT|LOAD)(?:_(?:FROM|PATH|CKPT|CHECKPOINT|FILE))*$")


@dataclass(frozen=True, slots=True)
class Target:
    """``lines`` have the file's own variables filled in; ``passes`` is one that is left for the caller."""

    name: str
    place: Place
    lines: tuple[str, ...]
    passes: str | None
    resumes: str | None = None  # a variable for the checkpoint itself


def train_target(repository: Repository) -> Target | None:
    name = repository.has("Makefile", "makefile", "GNUmakefile")
    text = repository.text(name) if name is not None else None
    if name is None or text is None:
        return None
    lines = text.replace("\\\n", " ").split("\n")
    numbers = {line.strip(): number for number, line in reversed(list(enumerate(text.split("\n"), 1)))}
    settings = {found[1]: found[2].strip()[:LONGEST] for line in lines if (found := _SETTING.match(line))}
    for at, line in enumerate(lines):
        found = _TARGET.match(line)
        if found is None:
            continue
        recipe: list[str] = []
        for below in lines[at + 1 :]:
            if not below.startswith("\t"):
                if below.strip() and not below.startswith("#"):
                    break
                continue
            recipe.append(below.strip().lstrip("@-"))
        words = {word for each in recipe for word in _VARIABLE.findall(each)}
        recipe = [each for each in recipe if len(each) <= LONGEST]
        passing = sorted(word for word in words if _PASSES.match(word) and not settings.get(word))
        filled = tuple(" ".join(_fill(each, settings).split()) for each in recipe)
        for_resume = sorted(word for word in words if _RESUMES.match(word) and not settings.get(word))
        place = Place(name, numbers.get(line.strip(), at + 1))
        return Target(found[1], place, filled, passing[0] if passing else None, *for_resume[:1])
    return None


def _fill(line: str, settings: dict[str, str]) -> str:
    for _ in range(3):  # a setting may name another
        if len(line) > LONGEST:
            break  # one that names many that name many is nobody's command
        line = _VARIABLE.sub(lambda found: settings.get(found[1], ""), line)
    return line
