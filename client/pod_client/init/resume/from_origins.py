"""From where a value comes to the way it is given: what all families that read a checkpoint by a value share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.init.flags.flag import CHECKPOINT, Takes
from pod_client.init.origins import origins
from pod_client.init.resume.names import is_medium, is_strong
from pod_client.init.resume.way import PUT_BACK, Way
from pod_client.init.source import argument, called

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from pod_client.init.flags.flag import Flag
    from pod_client.init.origin import Origins
    from pod_client.init.program import Program
    from pod_client.init.source import Source

SAVES = {
    "save", "save_checkpoint", "save_state", "save_model", "save_weights", "save_pretrained", "dump", "savez",
    "savez_compressed", "save_file", "async_save", "ModelCheckpoint",
}  # fmt: skip
_SAVED_AT = {"save": 1, "dump": 1, "save_file": 1, "async_save": -1}  # the others have the place first


def by_flag(flag: Flag, words: str, weight: int, *, joined: bool = False) -> Way:
    """The way of a flag whose value reaches what reads the checkpoint. ``words`` say what that is."""
    notes: tuple[str, ...] = ()
    if flag.takes in {Takes.SWITCH, Takes.TRUTH}:
        text, notes = (
            flag.switched_on(),
            ("the program looks for the checkpoint itself: it is put back first",),
        )
    elif joined:
        text = flag.with_checkpoint().replace(CHECKPOINT, f"$(dirname {CHECKPOINT})")
        notes = ("a file's name is added to it in the code, so it gets the checkpoint's folder",)
    else:
        text = flag.with_checkpoint()
    return Way(text, f"{flag.name} ({flag.place}) goes to {words}", flag.place, weight, notes)


def named_flags(found: Origins) -> list[Flag]:
    """The flags among the origins whose names fit a checkpoint, the better first."""
    usable = [flag for flag in found.flags if flag.takes is not Takes.NUMBER]
    return [f for f in usable if is_strong(f)] + [f for f in usable if is_medium(f) and not is_strong(f)]


def saved(program: Program) -> list[Origins]:
    """Where each place that something is saved to comes from. Looked up once for a program."""
    if program.saved is None:
        program.saved = [found for _, _, found in _saved(program)]
    return program.saved


def _saved(program: Program) -> Iterator[tuple[Source, ast.Call, Origins]]:
    for source in program.sources:
        for call in source.calls:
            name = called(call).rpartition(".")[2]
            if name in SAVES:
                at = _SAVED_AT.get(name, 0)
                place = argument(call, at, "path", "dirpath", "filepath", "checkpoint_id", "f", "output_dir")
                if place is None and name == "save" and len(call.args) == 1:
                    place = call.args[0]
                yield source, call, origins(program, source, place)


def is_saved_to(program: Program, flag: Flag) -> bool:
    """Whether the program writes where it also reads: then it finds its own checkpoint there."""
    return any(flag in found.flags for found in saved(program))


def is_read(program: Program, flag: Flag) -> bool:
    """Whether anything in the program looks at the flag's value."""
    if flag.owner is not None:
        return True
    word = flag.dest
    return any(
        f".{word}" in source.text or f'"{word}"' in source.text or f"'{word}'" in source.text
        for source in program.sources
    )


def put_back(reason: str, source: Source, node: ast.AST, weight: int, *notes: str) -> Way:
    place = source.place(node)
    return Way(PUT_BACK, f"{reason} ({place})", place, weight, notes)
