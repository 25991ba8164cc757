"""What a ``.metadata`` of torch.distributed.checkpoint promises: how long each file is, and where a step may lie.

Those of one run are alike but for texts at their end (the checkpoint's own path, the save's id). So one is followed,
and the next are compared with it: a millisecond instead of some tenths of a second.
"""

from __future__ import annotations

import io
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pod_agent.outputs.checkpoints import pickles
from pod_agent.outputs.checkpoints.alike import Followed
from pod_agent.outputs.checkpoints.candidate import NotWhole, Unproved
from pod_agent.outputs.checkpoints.machine import OTHERS, Machine, Made, Name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_READ = 64 << 20
_MOST_OPCODES = 3_000_000  # a second or two, for a large model on many processes
_MOST_STEP = 64 << 10  # bytes of a piece that may be a step
_PLACE = "_StorageInfo"


class Piece(NamedTuple):
    """A tensor's part, or a plain value, in a file."""

    name: str
    file: str
    at: int
    length: int


class Layout(NamedTuple):
    """The last piece of each file, and those that may hold the step, the likeliest first."""

    last: dict[str, Piece]
    steps: tuple[Piece, ...]


class Layouts:
    """What ``.metadata`` files promise; the last few are remembered; ``followed`` counts those it had to follow."""

    def __init__(self, most_kept: int = 4 << 20) -> None:
        self.followed = 0
        self._most_kept = most_kept  # bytes
        self._recent: deque[tuple[Followed, Layout]] = deque(maxlen=4)

    def forget(self) -> None:
        self._recent.clear()

    def read(self, path: Path, size: int) -> Layout:
        """Raises NotWhole where it is cut or damaged, Unproved where it is too long, OSError."""
        if size > _MOST_READ:
            raise Unproved("it is too long to follow")
        data = path.read_bytes()
        known = next((layout for one, layout in tuple(self._recent) if one.is_like(data)), None)
        return known or self._follow(data)

    def _follow(self, data: bytes) -> Layout:
        self.followed += 1
        ends = [0]

        def note(made: Made, machine: Machine) -> Made:
            if isinstance(made.by, Name) and made.by.name == _PLACE:
                ends[0] = machine.file.tell()
            return made

        file = io.BytesIO(data)
        try:
            value = pickles.run(Machine(file, len(data), note), _MOST_OPCODES)
        except pickles.TooLong:
            raise Unproved("it is too long to follow") from None
        if file.tell() != len(data):
            raise NotWhole("something stands behind its end")
        layout = _layout(value)
        followed = Followed.of(data, ends[0]) if ends[0] and len(data) <= self._most_kept else None
        if followed is not None:
            self._recent.append((followed, layout))
        return layout


def _layout(value: object) -> Layout:
    state = value.state if isinstance(value, Made) else None
    stored = state.get("storage_data") if isinstance(state, dict) else None
    if not isinstance(stored, dict):
        raise NotWhole("it names no pieces")
    last: dict[str, Piece] = {}
    steps: list[Piece] = []
    for piece in _named(stored):
        before = last.get(piece.file)
        if before is None or piece.at + piece.length > before.at + before.length:
            last[piece.file] = piece
        if _rank(piece) < len(pickles.STEPS) and piece.length <= _MOST_STEP:
            steps.append(piece)
    return Layout(last, tuple(sorted(steps, key=_rank)))


def _rank(piece: Piece) -> int:
    name = piece.name.rpartition(".")[2]
    is_step = name in pickles.STEPS and not piece.name.startswith("optim")
    return pickles.STEPS.index(name) if is_step else len(pickles.STEPS)


def _named(stored: dict[str, object]) -> Iterator[Piece]:
    pairs = stored.get(OTHERS, [])
    for key, value in pairs if isinstance(pairs, list) else []:
        told = value.state if isinstance(value, Made) else None
        index = key.state if isinstance(key, Made) else None
        if not isinstance(told, dict):
            raise NotWhole("it names a piece that cannot be read")
        file, at, length = (told.get(name) for name in ("relative_path", "offset", "length"))
        if not (isinstance(file, str) and isinstance(at, int) and isinstance(length, int)):
            raise NotWhole("it names a piece that cannot be read")
        name = index.get("fqn") if isinstance(index, dict) else None
        yield Piece(name if isinstance(name, str) else "", file, at, length)
