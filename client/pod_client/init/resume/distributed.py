"""Checkpoints in folders of shards: torch's distributed checkpoint (DCP) and DeepSpeed's ``load_checkpoint``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.init.flags.flag import CHECKPOINT, Takes
from pod_client.init.origins import origins
from pod_client.init.resume.from_origins import by_flag, is_saved_to, named_flags, put_back
from pod_client.init.resume.way import Gap, Way
from pod_client.init.source import argument, called

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from pod_client.init.program import Program
    from pod_client.init.source import Source

_DCP = {"dcp", "dist_cp", "DCP", "checkpoint", "dist_checkpoint", "distributed_checkpoint"}


def recognise(program: Program) -> Iterator[Way | Gap]:
    is_dcp = program.mentions("torch.distributed.checkpoint")
    is_deepspeed = program.uses("deepspeed")
    for source in program.sources:
        for call in source.calls:
            whole = called(call)
            head, _, name = whole.rpartition(".")
            if is_dcp and name in {"load", "load_state_dict"} and head.rpartition(".")[2] in _DCP:
                yield from _by_dcp(program, source, call)
            elif is_dcp and name == "FileSystemReader":
                yield from _by_place(program, source, call, argument(call, 0, "path"), "FileSystemReader()")
            elif is_deepspeed and name == "load_checkpoint" and head:
                yield from _by_deepspeed(program, source, call)


def _by_dcp(program: Program, source: Source, call: ast.Call) -> Iterator[Way | Gap]:
    place = argument(call, -1, "checkpoint_id")
    if place is not None:
        yield from _by_place(program, source, call, place, "dcp.load(checkpoint_id=…)")


def _by_place(
    program: Program, source: Source, call: ast.Call, place: ast.expr | None, words: str
) -> Iterator[Way | Gap]:
    found = origins(program, source, place)
    flags = [flag for flag in named_flags(found) if not is_saved_to(program, flag)]
    for flag in flags:
        yield by_flag(flag, f"{words} at {source.place(call)}", 94)
    if not flags:
        yield put_back(f"{words} reads from a folder of the program's own", source, call, 72)


def _by_deepspeed(program: Program, source: Source, call: ast.Call) -> Iterator[Way | Gap]:
    """The folder above the checkpoint, and its own name as the tag."""
    folder = origins(program, source, argument(call, 0, "load_dir"))
    tag = origins(program, source, argument(call, 1, "tag"))
    words = f"load_checkpoint() at {source.place(call)}"
    flags = [flag for flag in folder.flags if flag.takes is Takes.TEXT and not is_saved_to(program, flag)]
    tags = [flag for flag in tag.flags if flag.takes is Takes.TEXT]
    if not flags:
        note = "DeepSpeed's own file `latest` says which checkpoint it takes"
        yield put_back(f"{words} reads from the folder that it saves to", source, call, 82, note)
        return
    parts = [flags[0].with_checkpoint().replace(CHECKPOINT, f"$(dirname {CHECKPOINT})")]
    parts += [flag.with_checkpoint().replace(CHECKPOINT, f"$(basename {CHECKPOINT})") for flag in tags[:1]]
    note = "DeepSpeed wants the folder above, and the checkpoint's own name as its tag"
    yield Way(
        " ".join(parts), f"{flags[0].name} ({flags[0].place}) goes to {words}", flags[0].place, 94, (note,)
    )
