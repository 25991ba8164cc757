"""Hugging Face's Trainer and those made from it (TRL's too): ``trainer.train(resume_from_checkpoint=…)``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from pod_client.init.flags.fields import parses_like_hugging_face
from pod_client.init.flags.flag import CHECKPOINT, Takes
from pod_client.init.origins import origins
from pod_client.init.resume.from_origins import by_flag, put_back
from pod_client.init.resume.way import Gap, Way
from pod_client.init.source import argument, called, dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.program import Program
    from pod_client.init.source import Source

_FIELD = "resume_from_checkpoint"
_FLAG = f"--{_FIELD} {CHECKPOINT}"
_KEEPS = "Trainer's checkpoints lie in its output_dir"
_REMEDY = (
    "let it take one, for example trainer.train(resume_from_checkpoint=os.environ.get('POD_RESUME_FROM')), "
    'and write resume = ""'
)


def recognise(program: Program) -> Iterator[Way | Gap]:
    if not program.uses("transformers", "trl", "peft", "sentence_transformers", "setfit", "unsloth"):
        return
    trains = [(source, call) for source in program.sources for call in source.calls if _is_train(call)]
    if not trains or not _has_trainer(program):
        return
    told = [(source, call) for source, call in trains if argument(call, 0, _FIELD) is not None]
    for source, call in told:
        yield from _by_value(program, source, call)
    if not told:
        source, call = trains[0]
        yield Gap(
            "trainer.train() is not told to resume, so the Trainer begins anew",
            source.place(call),
            _REMEDY,
            90,
        )


def _is_train(call: ast.Call) -> bool:
    name = called(call)
    return (
        name.endswith(".train")
        and name.lower().rpartition(".")[0].endswith("trainer")
        and "model" not in name
    )


def _has_trainer(program: Program) -> bool:
    """One of the library's, or made from one; a class of the program's own of that name is something else."""
    own = [
        owner
        for source in program.sources
        for name, owner in source.classes.items()
        if name.endswith("Trainer")
    ]
    if own and not any("Trainer" in dotted(base) for owner in own for base in owner.bases):
        return False
    return program.mentions("Trainer(", "Trainer)")


def _by_value(program: Program, source: Source, call: ast.Call) -> Iterator[Way | Gap]:
    value = argument(call, 0, _FIELD)
    found = origins(program, source, value)
    words = f"trainer.train({_FIELD}=…) at {source.place(call)}"
    usable = [flag for flag in found.flags if flag.takes is not Takes.NUMBER]
    for flag in usable:
        yield by_flag(flag, words, 96 if flag.dest == _FIELD else 92)
    if not usable and _FIELD in found.fields and parses_like_hugging_face(program.sources):
        reason = (
            f"--{_FIELD} is a field of TrainingArguments, so it is a flag of this program; it goes to {words}"
        )
        yield Way(_FLAG, reason, source.place(call), 100)
    elif found.calls & {"get_last_checkpoint", "trainer_utils.get_last_checkpoint"}:
        yield put_back("get_last_checkpoint looks in the output_dir by itself", source, call, 80)
    elif True in found.constants and not usable:
        note = "the code asks for a checkpoint also at the first start, when there is none: the Trainer then fails"
        once = isinstance(value, ast.Constant)
        yield put_back(
            f"trainer.train({_FIELD}=True) takes the newest one of its output_dir",
            source,
            call,
            88,
            *([note] if once else []),
        )
    elif "POD_RESUME_FROM" in found.constants:
        yield put_back("the program reads POD_RESUME_FROM", source, call, 99)
    elif not usable and not found.calls and set(found.constants) <= {None, False}:
        yield Gap(f"trainer.train({_FIELD}=…) is told not to resume", source.place(call), _REMEDY, 90)
