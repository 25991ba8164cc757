"""Which program of a repository is the training: each is weighed by its name, its place, and what it does.

Not here: the command line that runs it (command.py).
"""

from __future__ import annotations

import ast
import re
from itertools import islice
from typing import TYPE_CHECKING

from pod_client.init.program import reachable
from pod_client.init.source import called
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_client.init.repository import Repository
    from pod_client.init.source import Source

LEAST = 30
_NAMED = (
    (re.compile(r"^(?:train|training|trainer_main|pretrain|finetune|fine_tune)\.(?:py|ipynb)$"), 60),
    (
        re.compile(
            r"^(?:\w+_)?(?:train|training|pretrain|finetune|finetuning|fine_tune|sft|dpo|grpo)(?:_\w+)?\."
            r"(?:py|ipynb)$"
        ),
        45,
    ),
    (re.compile(r"^(?:main|__main__)\.py$"), 35),
    (re.compile(r"^(?:run|run_\w+|experiment|learn|fit)\.py$"), 25),
)  # fmt: skip
_OTHER = re.compile(
    r"(?:^|[/_-])(?:eval\w*|tests?|predict\w*|infer\w*|inference|serve\w*|export\w*|sample|generate|setup|prepare\w*|"
    r"download\w*|convert\w*|benchmark\w*|bench|plot\w*|demo|visuali[sz]e\w*|analy[sz]e\w*|docs?|conftest|utils?|"
    r"preprocess\w*|tokeni[sz]e\w*|sweep\w*|submit\w*|deploy\w*)(?:[/_.-]|$)"
)
_TRAINS = re.compile(
    r"\.backward\(|\.partial_fit\(|optimizer\.step\(|\.train\(resume|trainer\.train\(|Trainer\(|\.fit\(|train_step\(|"
    r"jax\.(?:value_and_)?grad|\.minimize\(|LightningCLI\(|GradientTape|train_one_epoch|apply_gradients"
)
_RESUMES = re.compile(r"resume|snapshot|load_state_dict|ckpt_path")
_STARTS = re.compile(r"(?:^|\.)(?:parse_args|main|fit|train|run)$|Trainer$")
_BLOCKS = (ast.For, ast.While, ast.With, ast.If, ast.Try)
_SHELL = re.compile(r"^(?:.*[_-])?(?:train|pretrain|finetune)(?:[_-].*)?\.sh$")


@dataclass(frozen=True, slots=True)
class Weighed:
    """A program that may be the training, and how likely."""

    source: Source
    weight: int


def entries(repository: Repository, named_elsewhere: dict[str, int]) -> list[Weighed]:
    """The likeliest first. ``named_elsewhere`` adds what Makefile, README and scripts say of a file."""
    programs = repository.programs()
    weighed = [
        Weighed(source, _weight(source, repository) + named_elsewhere.get(source.name, 0))
        for source in programs
    ]
    found = [one for one in weighed if one.weight >= LEAST]
    if not found:
        notebooks = repository.notebooks()
        found = [Weighed(one, _by_content(one, repository) + _by_name(one)) for one in notebooks]
        found = [one for one in found if one.weight >= LEAST]
    return sorted(found, key=lambda one: (-one.weight, one.source.name.count("/"), one.source.name))


def shell_scripts(repository: Repository) -> list[str]:
    """Scripts of the shell that say in their name that they train."""
    return [name for name in repository.names if _SHELL.match(name.rpartition("/")[2])][:3]


def _weight(source: Source, repository: Repository) -> int:
    if not _is_run(source):
        return -100
    return _by_name(source) + _by_content(source, repository)


def _by_name(source: Source) -> int:
    name = source.name.rpartition("/")[2]
    weight = next((points for pattern, points in _NAMED if pattern.match(name)), 0)
    if _OTHER.search(source.name.lower()):
        weight -= 45
    return weight - 6 * source.name.count("/")


def _by_content(source: Source, repository: Repository) -> int:
    if _TRAINS.search(source.text):
        return 39 if _RESUMES.search(source.text) else 35
    if _by_name(source) < LEAST // 2:
        return 0  # read further only where the name promises something
    others = list(islice(reachable(source, repository), 1, 12))
    return 25 if any(_TRAINS.search(other.text) for other in others) else 0


def _is_run(source: Source) -> bool:
    """Whether running the file does anything: it guards its main part, or calls something at its top."""
    if "__main__" in source.text or source.name.endswith("__main__.py"):
        return True
    if _by_name(source) <= 0 and not _TRAINS.search(source.text):
        return False  # not worth parsing
    if source.tree is None:
        return True
    return any(
        (isinstance(line, _BLOCKS) and any(isinstance(node, ast.Call) for node in ast.walk(line)))
        or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Call))
        or (
            isinstance(line, ast.Assign)
            and isinstance(line.value, ast.Call)
            and _STARTS.search(called(line.value))
        )
        for line in source.tree.body
    )
