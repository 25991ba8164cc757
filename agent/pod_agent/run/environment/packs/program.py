"""Starts the two programs that write and read packs, and understands the line they end with."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pod_agent.run.work import Finished, Work

_BOOTSTRAP = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from pod_agent.run.environment.packs.{} import main; main()"
)  # fmt: skip
_ENV = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}


@dataclass(frozen=True, slots=True)
class Answer:
    """``problem`` is empty when it went well: damaged, newer, full, changed or failed otherwise, with words."""

    problem: str = ""
    words: str = ""
    files: int = 0
    bytes: int = 0
    census: str = ""
    own: str = ""


def run(name: str, arguments: Sequence[str], work: Work) -> Answer:
    """The program called ``name``, to its end, without a line of it in the job's log."""
    root = str(Path(__file__).parents[4])
    argv = [sys.executable, "-I", "-S", "-c", _BOOTSTRAP.format(name), root, *arguments]
    return _answer(work.run(argv, cwd=Path("/"), env=_ENV, capture=True))


def _answer(done: Finished) -> Answer:
    try:
        return Answer(**json.loads(done.output.decode()))
    except (ValueError, TypeError):
        said = done.errors.decode("utf-8", "replace").strip().splitlines()
        return Answer("failed", said[-1] if said else f"it ended with code {done.code}")
