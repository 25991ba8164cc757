"""The formats that are one file, and how the files of a folder are checked: each by its own format, or by its age."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import (
    Candidate,
    EndsInZeros,
    Entry,
    NotACheckpoint,
    NotWhole,
    Seen,
    Unproved,
)
from pod_agent.outputs.checkpoints.formats.hdf5_file import Hdf5File
from pod_agent.outputs.checkpoints.formats.json_file import JsonFile
from pod_agent.outputs.checkpoints.formats.keras_file import KerasFile
from pod_agent.outputs.checkpoints.formats.msgpack_file import MsgpackFile
from pod_agent.outputs.checkpoints.formats.numpy_file import NumpyFile, NumpyZip
from pod_agent.outputs.checkpoints.formats.pickle_file import PickleFile
from pod_agent.outputs.checkpoints.formats.safetensors_file import SafetensorsFile
from pod_agent.outputs.checkpoints.formats.torch_file import TorchFile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pod_agent.outputs.checkpoints.candidate import Format, Part

FILES: tuple[Format, ...] = (
    SafetensorsFile(), TorchFile(), PickleFile(), NumpyZip(), NumpyFile(), KerasFile(), Hdf5File(), MsgpackFile(),
    JsonFile(),
)  # fmt: skip
_CHANGING = re.compile(r"(?:^|/)(?:d|ocdbt\.process_\d+)/")  # orbax's data have names that never come again
_NUMBER = re.compile(r"\d+")


def check_parts(
    found: Candidate, seen: Seen, *, step: int | None, last: str | None = None, read: Collection[str] = ()
) -> None:
    """Every file of a folder but those ``read`` already. When ``last`` is written, the others are finished."""
    doubts: list[Unproved] = []
    finished_ns = next((part.mtime_ns for part in found.parts if part.name == last), -1)
    for part in found.parts:
        if part.name in read:
            continue
        is_known = part.name in seen.sizes and part.name not in seen.changed
        why = check_part(found, part, known=is_known)
        if why is not None and not is_known and (part.mtime_ns > finished_ns or isinstance(why, EndsInZeros)):
            doubts.append(why)
    if doubts:
        newer = f", and it is newer than {last}" if last else ""
        raise Unproved(f"{doubts[0]}{newer}", step, max(one.rest_s for one in doubts))


def check_part(found: Candidate, part: Part, *, known: bool = False) -> Unproved | None:
    """One file of a folder. Gives what leaves it unproved, if anything; raises NotWhole."""
    entry = Entry(part.name.rpartition("/")[2])
    form = next((one for one in FILES if one.claims(entry)), None)
    if form is None:
        return Unproved(f"nobody saw {part.name} whole")
    seen = Seen({part.name: part.size} if known else {}, wants_step=False)
    try:
        form.check(Candidate(found.path / part.name, form, (part,)), seen)
    except NotWhole as why:
        raise NotWhole(f"{part.name}: {why}") from None
    except EndsInZeros as why:
        return why
    except (Unproved, NotACheckpoint):
        return Unproved(f"nobody saw {part.name} whole")
    return None


def check_kinds(found: Candidate, seen: Seen, step: int | None, rest_s: float) -> None:
    """Against the one before it, where nothing in it says that it is complete."""
    missing = sorted(seen.kinds - kinds(found.path.name, found.parts))
    if missing:
        raise Unproved(f"{missing[0]}, which the one before has, is missing", step, rest_s)


def kinds(name: str, parts: Iterable[Part]) -> frozenset[str]:
    """The names in a folder, with ``#`` for the numbers that the folder's own name holds."""
    own = set(_NUMBER.findall(name))
    return frozenset(
        _NUMBER.sub(lambda told: "#" if told[0] in own else told[0], part.name) for part in parts
    )


def kind_of(name: str) -> str:
    """A name without its numbers: the same for all of a series."""
    return _NUMBER.sub("#", name)
