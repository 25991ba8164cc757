"""torch.distributed.checkpoint: ``.metadata``, written last, names file, place and length of every piece."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pod_agent.outputs.checkpoints import pickles, zips
from pod_agent.outputs.checkpoints.candidate import NotWhole, Seen, Unproved
from pod_agent.outputs.checkpoints.files import check_kinds, check_parts
from pod_agent.outputs.checkpoints.formats.torch_file import value_in_zip
from pod_agent.outputs.checkpoints.machine import OTHERS, Machine, Made
from pod_agent.outputs.checkpoints.reading import check_tail
from pod_agent.outputs.checkpoints.shards import check_complete

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry

METADATA = ".metadata"
_PIECES = re.compile(r"(?:^|/)__\d+_\d+\.distcp$")
_MOST_READ = 64 << 20
_MOST_OPCODES = 3_000_000  # some seconds, for a large model on many processes
_MOST_STEP = 64 << 10  # bytes of a piece that may be a step


class _Piece(NamedTuple):
    name: str
    file: str
    at: int
    length: int


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
        pieces = _pieces(found.path / below / METADATA, sizes[below + METADATA])
        _check_lengths(found, below, pieces, sizes)
        step = step if step is not None else _step(found.path / below, pieces)
        read |= {below + METADATA} | {below + piece.file for piece in pieces}
    return step, read


def _pieces(path: Path, size: int) -> list[_Piece]:
    if size > _MOST_READ:
        raise Unproved("its .metadata is too long to follow")
    try:
        with path.open("rb") as file:
            value, end = pickles.run(Machine(file, size), _MOST_OPCODES), file.tell()
    except OSError as error:
        raise NotWhole(f".metadata cannot be read: {error.strerror}") from None
    except NotWhole as why:
        raise NotWhole(f".metadata: {why}") from None
    except pickles.TooLong:
        raise Unproved("its .metadata is too long to follow") from None
    if end != size:
        raise NotWhole("something stands behind the end of its .metadata")
    state = value.state if isinstance(value, Made) else None
    stored = state.get("storage_data") if isinstance(state, dict) else None
    if not isinstance(stored, dict):
        raise NotWhole(".metadata names no pieces")
    return list(_named(stored))


def _named(stored: dict[str, object]) -> Iterator[_Piece]:
    pairs = stored.get(OTHERS, [])
    for key, value in pairs if isinstance(pairs, list) else []:
        told = value.state if isinstance(value, Made) else None
        index = key.state if isinstance(key, Made) else None
        if not isinstance(told, dict):
            raise NotWhole(".metadata names a piece that cannot be read")
        file, at, length = (told.get(name) for name in ("relative_path", "offset", "length"))
        if not (isinstance(file, str) and isinstance(at, int) and isinstance(length, int)):
            raise NotWhole(".metadata names a piece that cannot be read")
        name = index.get("fqn") if isinstance(index, dict) else None
        yield _Piece(name if isinstance(name, str) else "", file, at, length)


def _check_lengths(found: Candidate, below: str, pieces: Collection[_Piece], sizes: dict[str, int]) -> None:
    last: dict[str, _Piece] = {}
    for piece in pieces:
        if piece.file not in last or piece.at + piece.length > last[piece.file].at + last[piece.file].length:
            last[piece.file] = piece
    for name, piece in sorted(last.items()):
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


def _step(folder: Path, pieces: Collection[_Piece]) -> int | None:
    """A number that was saved beside the tensors under the name of a step."""
    by_name: dict[str, list[_Piece]] = defaultdict(list)
    for piece in pieces:
        by_name[piece.name.rpartition(".")[2]].append(piece)
    for name in pickles.STEPS:
        for piece in by_name.get(name, []):
            if piece.length > _MOST_STEP or piece.name.startswith("optim"):
                continue
            with (folder / piece.file).open("rb") as file:
                value = value_in_zip(file, piece.at + piece.length, piece.at)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return None
