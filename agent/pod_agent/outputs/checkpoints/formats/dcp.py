"""torch.distributed.checkpoint: ``.metadata``, written last, names file, place and length of every piece."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints import zips
from pod_agent.outputs.checkpoints.candidate import NotWhole, Seen, Unproved
from pod_agent.outputs.checkpoints.files import check_kinds, check_parts
from pod_agent.outputs.checkpoints.formats.torch_file import value_in_zip
from pod_agent.outputs.checkpoints.layout import Layout, Layouts
from pod_agent.outputs.checkpoints.reading import check_tail
from pod_agent.outputs.checkpoints.shards import check_complete

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry

METADATA = ".metadata"
LAYOUTS = Layouts()  # of all jobs: what was followed once is known
_PIECES = re.compile(r"(?:^|/)__\d+_\d+\.distcp$")


class Dcp:
    name = "torch.distributed.checkpoint"
    endings = (".distcp", METADATA)

    def claims(self, entry: Entry) -> bool:
        return METADATA in entry.files or any(map(_PIECES.search, entry.files))

    def check(self, found: Candidate, seen: Seen) -> int | None:
        seen = check_complete(found, seen, last=METADATA)
        step, read = check_inside(found)
        check_parts(found, seen, step=step, last=METADATA, read=read)
        check_kinds(found, seen, step, rest_s=5.0)
        return step


def check_inside(found: Candidate) -> tuple[int | None, set[str]]:
    """Every such folder within a checkpoint. Gives a step if one tells it, and the files that need no other look."""
    sizes = {part.name: part.size for part in found.parts}
    folders = {name.rpartition("/")[0] for name in sizes if _PIECES.search(name)}
    folders |= {name.rpartition("/")[0] for name in sizes if name.rpartition("/")[2] == METADATA}
    step: int | None = None
    read: set[str] = set()
    for folder in sorted(folders):
        below = f"{folder}/" if folder else ""
        if f"{below}{METADATA}" not in sizes:
            raise NotWhole(f"{below}{METADATA} is missing")
        promised = _read(found.path / below / METADATA, sizes[below + METADATA])
        _check_lengths(found, below, promised, sizes)
        step = step if step is not None else _step(found.path / below, promised)
        read |= {below + METADATA} | {below + name for name in promised.last}
    return step, read


def _read(path: Path, size: int) -> Layout:
    try:
        return LAYOUTS.read(path, size)
    except OSError as error:
        raise NotWhole(f"{METADATA} cannot be read: {error.strerror}") from None
    except NotWhole as why:
        raise NotWhole(f"{METADATA}: {why}") from None
    except Unproved as why:
        raise Unproved(f"{METADATA}: {why}") from None


def _check_lengths(found: Candidate, below: str, promised: Layout, sizes: dict[str, int]) -> None:
    for name, piece in sorted(promised.last.items()):
        size, wanted = sizes.get(below + name), piece.at + piece.length
        if size is None:
            raise NotWhole(f"{below}{name} is missing")
        if size != wanted:
            raise NotWhole(f"{below}{name}: .metadata promises {wanted} bytes and it has {size}")
        try:
            with (found.path / below / name).open("rb") as file:
                file.seek(piece.at)
                if file.read(4) == zips.BEGINNING:
                    zips.check(file, wanted, piece.at)
                else:
                    check_tail(file, wanted, piece.at, Seen())
        except OSError as error:
            raise NotWhole(f"{below}{name} cannot be read: {error.strerror}") from None
        except NotWhole as why:
            raise NotWhole(f"{below}{name}: {why}") from None


def _step(folder: Path, promised: Layout) -> int | None:
    """A number that was saved beside the tensors under the name of a step."""
    for piece in promised.steps:
        with (folder / piece.file).open("rb") as file:
            value = value_in_zip(file, piece.at + piece.length, piece.at)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None
