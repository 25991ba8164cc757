"""A training loop of one's own: files that torch, numpy, pickle, joblib or safetensors load, by a flag or by name."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pod_client.init.flags.flag import Takes
from pod_client.init.origins import origins
from pod_client.init.resume.from_origins import by_flag, is_read, is_saved_to, named_flags, put_back, saved
from pod_client.init.resume.names import is_strong, resumes_by_number
from pod_client.init.resume.way import Gap, Way
from pod_client.init.source import argument, called

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.flags.flag import Flag
    from pod_client.init.origin import Origins
    from pod_client.init.program import Program
    from pod_client.init.source import Source

    Load = tuple[Source, ast.Call, Origins]

_LOADERS = {
    "torch.load", "np.load", "numpy.load", "jnp.load", "joblib.load", "pickle.load", "cloudpickle.load", "dill.load",
    "pkl.load", "paddle.load", "mx.load", "fabric.load", "load_file", "safe_open", "safetensors.torch.load_file",
    "st.load_file", "load_model", "keras.models.load_model", "models.load_model", "tf.keras.models.load_model",
    "serialization.from_bytes", "flax.serialization.from_bytes", "from_bytes", "pickle.loads", "h5py.File",
}  # fmt: skip
_METHODS = {
    "load_weights", "restore", "restore_checkpoint", "load_checkpoint", "load_parameters", "load_ckpt",
    "load_from_checkpoint", "from_checkpoint", "load_snapshot",
}  # fmt: skip
_PLACES = ("f", "path", "file", "filepath", "filename", "ckpt_dir", "save_path")
_LOADS = re.compile(r"(?:load|restore)_(?!state_dict)")
_LEFT_TO_OTHERS = {"accelerator.load_state", "engine.load_checkpoint", "model_engine.load_checkpoint"}
_LOOKS = re.compile(
    r"(?:^|\.)(?:exists|isfile|is_file|isdir|is_dir|listdir|glob|iglob|scandir|latest\w*|find\w*)$"
)
_FIELD = re.compile(r"ckpt|checkpoint|snapshot|resume|state", re.IGNORECASE)
_STATE = re.compile(
    r"""load_state_dict|\[['"](?:optimizer\w*|opt\w*|epoch|step|iter\w*|global_step|scheduler)['"]\]|partial_fit|"""
    r"warm_start|initial_epoch|start_epoch|start_step"
)
_REMEDY = 'let the program load its checkpoint from a flag, and write resume = "--resume {checkpoint}"'


def recognise(program: Program) -> Iterator[Way | Gap]:
    loads = list(_loaded(program))
    proved: set[str] = set()
    for source, call, found in loads:
        for flag in named_flags(found):
            if is_saved_to(program, flag) and not is_strong(flag):
                continue  # its own folder: seen below
            proved.add(flag.name)
            weight = 90 if is_strong(flag) else 74
            if flag.takes in {Takes.SWITCH, Takes.TRUTH}:
                weight -= 10
            words = f"{_short(call)} at {source.place(call)}"
            yield by_flag(flag, words, weight, joined=_is_folder_of_one(flag, loads))
    yield from _by_name(program, proved)
    yield from _own_place(program, loads)


def _is_folder_of_one(flag: Flag, loads: list[Load]) -> bool:
    """Whether the code adds one file's name to the flag's value. With several, the folder is the checkpoint."""
    mine = [found for _, _, found in loads if flag in found.flags]
    names = {name for found in mine for name in found.files}
    return flag.takes is Takes.TEXT and len(names) == 1 and all(found.joined for found in mine)


def _loaded(program: Program) -> Iterator[Load]:
    """Every call that reads a checkpoint. One of the program's own functions is followed to what it calls."""
    own = {name for source in program.sources for name in source.functions}
    others = _METHODS - own - ({"load_checkpoint"} if program.uses("deepspeed") else set())
    for source in program.sources:
        for call in source.calls:
            name = called(call)
            last = name.rpartition(".")[2]
            if name in _LOADERS or (last in others and (call.args or call.keywords)):
                yield source, call, origins(program, source, argument(call, 0, *_PLACES))
            elif _LOADS.match(last) and last not in own and "url" not in last and name not in _LEFT_TO_OTHERS:
                given = [*call.args[:3], *(word.value for word in call.keywords)]
                for each in given:
                    found = origins(program, source, each)
                    if named_flags(found):
                        yield source, call, found
                        break


def _by_name(program: Program, proved: set[str]) -> Iterator[Way | Gap]:
    """Flags that say it by their name: what reads them was not seen, or they carry no path."""
    for flag in program.flags:
        if flag.name in proved:
            continue
        if resumes_by_number(flag):
            reason = f"{flag.name} takes a number, which podkeep cannot tell from a checkpoint"
            yield Gap(reason, flag.place, _REMEDY, 40)
        elif is_strong(flag) and flag.takes is not Takes.NUMBER:
            yield _unproved(program, flag)


def _unproved(program: Program, flag: Flag) -> Way | Gap:
    if not is_read(program, flag):
        return Gap(f"{flag.name} is declared, and nothing reads it", flag.place, _REMEDY, 45)
    if flag.takes in {Takes.SWITCH, Takes.TRUTH}:
        note = "the program looks for the checkpoint itself: it is put back first"
        return Way(flag.switched_on(), f"{flag.name} ({flag.place}) is a switch", flag.place, 79, (note,))
    text = flag.with_checkpoint()
    return Way(
        text, f"{flag.name} ({flag.place}) says so by its name; what reads it was not seen", flag.place, 58
    )


def _own_place(program: Program, loads: list[Load]) -> Iterator[Way | Gap]:
    """A file that is saved, looked for, and loaded again under the same name."""
    kept: set[str] = set()
    kept_fields: set[str] = set()
    flags: list[Flag] = []
    for found in saved(program):
        kept |= found.files
        flags += found.flags
        kept_fields |= {name for name in found.fields if _FIELD.search(name)}
    for source, call, found in loads:
        shared = [name for name in sorted(found.files) if any(_is_same(name, other) for other in kept)]
        shared += [flag.name for flag in found.flags if flag in flags]
        shared += [name for name in found.fields if name in kept_fields]
        if not shared or not _is_looked_for(program, source, call, found):
            continue
        goes_on = _STATE.search(source.text) is not None
        reason = f"{_short(call)} takes its own {shared[0]} where that is there"
        yield put_back(reason, source, call, 76 if goes_on else 50)


def _is_same(one: str, other: str) -> bool:
    """The same name, also where a number in it is filled in, or looked for with a star."""
    return one == other or fnmatchcase(one, other) or fnmatchcase(other, one)


def _is_looked_for(program: Program, source: Source, call: ast.Call, found: Origins) -> bool:
    """Whether the same function asks first if there is something to load, or a way to do so was found by a call."""
    if any(_LOOKS.search(name) for name in found.calls) or _is_tried(source, call):
        return True
    scope = source.scope(call)
    for other in source.calls:
        if source.scope(other) is scope and _LOOKS.search(called(other)):
            asked = [*other.args, other.func.value] if isinstance(other.func, ast.Attribute) else other.args
            theirs = [origins(program, source, each) for each in asked]
            if any(one.files & found.files or set(one.flags) & set(found.flags) for one in theirs):
                return True
    return False


def _is_tried(source: Source, call: ast.Call) -> bool:
    """Whether its not being there is caught: ``except FileNotFoundError``."""
    for node in ast.walk(source.tree) if source.tree is not None else ():
        if isinstance(node, ast.Try) and node.lineno <= call.lineno <= (node.body[-1].end_lineno or 0):
            caught = [ast.unparse(handler.type) for handler in node.handlers if handler.type is not None]
            if any("FileNotFound" in one or "OSError" in one for one in caught):
                return True
    return False


def _short(call: ast.Call) -> str:
    name = called(call)
    return f"{name.lstrip('.')}()"
