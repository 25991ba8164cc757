"""Lightning: ``trainer.fit(ckpt_path=…)``, LightningCLI, Fabric's ``load``, and the Trainer's older argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.init.flags.flag import CHECKPOINT, Takes
from pod_client.init.origins import origins
from pod_client.init.resume.from_origins import by_flag, is_read, named_flags, put_back
from pod_client.init.resume.names import is_strong
from pod_client.init.resume.way import Gap, Way
from pod_client.init.source import called, keyword

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from pod_client.init.program import Program
    from pod_client.init.source import Source

_REMEDY = 'give it one: trainer.fit(model, ckpt_path=args.resume), and write resume = "--resume {checkpoint}"'
_LAST = (
    'ckpt_path="last" finds it only where ModelCheckpoint has a dirpath that stays the same from start to start, and '
    "save_last=True"
)


def recognise(program: Program) -> Iterator[Way | Gap]:
    if not program.uses("lightning", "pytorch_lightning", "lightning_fabric"):
        return
    fits: list[tuple[Source, ast.Call]] = []
    told = False
    for source in program.sources:
        for call in source.calls:
            name = called(call)
            if name.rpartition(".")[2] == "LightningCLI":
                reason = f"LightningCLI ({source.place(call)}) has this flag behind its word fit"
                yield Way(f"--ckpt_path {CHECKPOINT}", reason, source.place(call), 97)
                told = True
            elif name.endswith(".fit") and "trainer" in name.lower():
                fits.append((source, call))
                if (value := keyword(call, "ckpt_path")) is not None:
                    told = True
                    yield from _by_value(program, source, call, value, "trainer.fit(ckpt_path=…)")
            elif name.rpartition(".")[2] == "Trainer" and (value := keyword(call, "resume_from_checkpoint")):
                told = True
                yield from _by_value(program, source, call, value, "Trainer(resume_from_checkpoint=…)")
    if fits and not told:
        source, call = fits[0]
        # A flag that says so by its name may reach the Trainer by a way that is not seen here.
        weight = 50 if any(is_strong(flag) and is_read(program, flag) for flag in program.flags) else 85
        yield Gap("trainer.fit() gets no ckpt_path, so it begins anew", source.place(call), _REMEDY, weight)


def _by_value(
    program: Program, source: Source, call: ast.Call, value: ast.expr, words: str
) -> Iterator[Way | Gap]:
    found = origins(program, source, value)
    named = named_flags(found)
    others = [flag for flag in found.flags if flag.takes is Takes.TEXT and flag not in named]
    flags = named or ([] if found.joined else others[:1])
    for flag in flags:
        yield by_flag(flag, f"{words} at {source.place(call)}", 96, joined=found.joined)
    if flags:
        return
    if "last" in found.constants:
        yield put_back(f'{words[:-2]}"last") takes the newest one of its own folder', source, call, 88, _LAST)
    elif found.constants and set(found.constants) <= {None, "best"}:
        yield Gap(f"{words} gets nothing to go on from", source.place(call), _REMEDY, 85)
    else:
        yield put_back(f"{words} gets a path of the program's own", source, call, 75)
