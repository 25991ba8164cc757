"""A training loop of one's own: files that torch, numpy, pickle, joblib or safetensors load, by a flag or by name."""

from __future__ import annotations

import ast
import re
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
    from pod_client.init.origins import Origins
    from pod_client.init.program import Program
    from pod_client.init.source import Source

_LOADERS = {
    "torch.load", "np.load", "numpy.load", "jnp.load", "joblib.load", "pickle.load", "cloudpickle.load", "dill.load",
    "pkl.load", "paddle.load", "mx.load", "fabric.load", "load_file", "safe_open", "safetensors.torch.load_file",
    "st.load_file", "load_model", "keras.models.load_model", "models.load_model", "tf.keras.models.load_model",
    "serialization.from_bytes", "flax.serialization.from_bytes", "from_bytes", "pickle.loads", "json.load", "h5py.File",
}  # fmt: skip
_METHODS = {
    "load_weights", "restore", "restore_checkpoint", "load_checkpoint", "load_parameters", "load_ckpt",
    "load_from_checkpoint", "from_checkpoint", "load_snapshot",
}  # fmt: skip
_LOOKS = re.compile(
    r"(?:^|\.)(?:exists|isfile|is_file|isdir|is_dir|listdir|glob|iglob|scandir|latest\w*|find\w*)$"
)
_STATE = re.compile(
    r"""load_state_dict|\[['"](?:optimizer\w*|opt\w*|epoch|step|iter\w*|global_step|scheduler)['"]\]|partial_fit|"""
    r"warm_start|initial_epoch|start_epoch|start_step"
)
_REMEDY = 'let the program load its checkpoint from a flag, and write resume = "--resume {checkpoint}"'


def recognise(program: Program) -> Iterator[Way | Gap]:
    proved: set[str] = set()
    for source, call, found in _loaded(program):
        for flag in named_flags(found):
            if is_saved_to(program, flag) and not is_strong(flag):
                continue  # its own folder: seen below
            proved.add(flag.name)
            weight = 90 if is_strong(flag) else 74
            if flag.takes in {Takes.SWITCH, Takes.TRUTH}:
                weight -= 10
            joined = found.joined and bool(found.files) and flag.takes is Takes.TEXT
            yield by_flag(flag, f"{_short(call)} at {source.place(call)}", weight, joined=joined)
    yield from _by_name(program, proved)
    yield from _own_place(program)


def _loaded(program: Program) -> Iterator[tuple[Source, ast.Call, Origins]]:
    for source in program.sources:
        for call in source.calls:
            name = called(call)
            if name in _LOADERS or (name.rpartition(".")[2] in _METHODS and (call.args or call.keywords)):
                place = argument(
                    call, 0, "f", "path", "file", "filepath", "filename", "ckpt_dir", "save_path"
                )
                yield source, call, origins(program, source, place)


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
        return Way(flag.switched_on(), f"{flag.name} ({flag.place}) is a switch", flag.place, 64, (note,))
    text = flag.with_checkpoint()
    return Way(
        text, f"{flag.name} ({flag.place}) says so by its name; what reads it was not seen", flag.place, 58
    )


def _own_place(program: Program) -> Iterator[Way | Gap]:
    """A file that is saved, looked for, and loaded again under the same name."""
    kept: set[str] = set()
    flags: list[Flag] = []
    for _, _, found in saved(program):
        kept |= found.files
        flags += found.flags
    for source, call, found in _loaded(program):
        shared = sorted(found.files & kept) or [flag.name for flag in found.flags if flag in flags]
        if not shared or not _is_looked_for(program, source, call, found):
            continue
        goes_on = _STATE.search(source.text) is not None
        reason = f"{_short(call)} takes its own {shared[0]} where that is there"
        yield put_back(reason, source, call, 76 if goes_on else 46)


def _is_looked_for(program: Program, source: Source, call: ast.Call, found: Origins) -> bool:
    """Whether the same function asks first if there is something to load, or a way to do so was found by a call."""
    if any(_LOOKS.search(name) for name in found.calls):
        return True
    scope = source.scope(call)
    for other in source.calls:
        if source.scope(other) is scope and _LOOKS.search(called(other)):
            asked = [*other.args, other.func.value] if isinstance(other.func, ast.Attribute) else other.args
            theirs = [origins(program, source, each) for each in asked]
            if any(one.files & found.files or set(one.flags) & set(found.flags) for one in theirs):
                return True
    return False


def _short(call: ast.Call) -> str:
    name = called(call)
    return f"{name.lstrip('.')}()"
