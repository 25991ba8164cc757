"""The log as it may leave the pod: secrets replaced by as many stars, so that offsets stay true.

Any range is read with the longest secret less one byte on both sides before masking. While an attempt lives,
a tail that could be the beginning of a secret is held back. Not here: finding secrets, matching (pod_wire).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from pod_agent.outputs.log import JobLog, LogView
    from pod_wire.masker import Masker

BLOCK = 1 << 20
NEAR = 64 << 10


@dataclass(frozen=True, slots=True)
class Piece:
    """Masked bytes from an offset; everything before ``end`` was servable when they were read."""

    data: bytes
    end: int


class MaskedView:
    """One opened log, read masked. Holds a descriptor; close it."""

    def __init__(self, view: LogView, masker: Masker, live: Callable[[], bool]) -> None:
        self._view = view
        self._masker = masker
        self._live = live
        self._margin = max(0, masker.longest - 1)

    def size(self) -> int:
        """Bytes in the file, also those that are held back."""
        return self._view.size()

    def is_near(self, position: int) -> bool:
        """Whether what follows is little and on a local disk: read in microseconds, in whichever thread."""
        return self._view.is_local and self._view.size() - position < NEAR

    def is_current(self) -> bool:
        return self._view.is_current()

    def end(self) -> int:
        """The offset after the last byte that may be served now. Never falls while the file only grows."""
        live = self._live()  # asked before the size: what an ending attempt wrote last is then in the size
        size = self._view.size()
        return size - self._held(size) if live and self._margin else size

    def _end_near(self, stop: int) -> int:
        """The end, without judging the tail where the range stays clear of it."""
        size = self._view.size()
        return size - self._margin if stop <= size - self._margin else self.end()

    def read(self, start: int, limit: int) -> bytes:
        return self.piece(start, limit).data

    def piece(self, start: int, limit: int) -> Piece:
        """Up to ``limit`` servable bytes from ``start``, masked."""
        end = self._end_near(start + limit)
        stop = min(start + limit, end)
        if stop <= start:
            return Piece(b"", end)
        if not self._margin:
            return Piece(self._view.read(start, stop - start), end)
        before = min(start, self._margin)
        window = self._view.read(start - before, before + stop - start + self._margin)
        masked = self._masker.mask(window)
        return Piece(masked[before : before + stop - start], end)

    def close(self) -> None:
        self._view.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _held(self, size: int) -> int:
        first = max(0, size - self._margin)
        return self._masker.held(self._view.read(first, size - first))


class MaskedLog:
    """A job's log with its masker. ``live`` says whether an attempt lives: whether the tail may go on."""

    def __init__(self, log: JobLog, masker: Masker, live: Callable[[], bool]) -> None:
        self.log = log
        self.live = live
        self._masker = masker

    @property
    def id(self) -> str:
        return self.log.id

    def view(self) -> MaskedView:
        """Open it. FileNotFoundError where there is no log yet."""
        return MaskedView(self.log.view(), self._masker, self.live)

    def end(self) -> int:
        with self.view() as view:
            return view.end()

    def read(self, start: int, limit: int) -> bytes:
        with self.view() as view:
            return view.read(start, limit)

    def offset_since(self, when: float) -> int:
        return self.log.offset_since(when)


def tail_offset(view: MaskedView, lines: int) -> int:
    """Where the last ``lines`` lines begin. An unfinished last line counts as one."""
    end = view.end()
    if lines <= 0:
        return end
    position = end - 1 if end and view.read(end - 1, 1) == b"\n" else end
    while position > 0:
        start = max(0, position - BLOCK)
        block = view.read(start, position - start)
        found = block.count(b"\n")
        if found < lines:
            lines -= found
            position = start
            continue
        cut = len(block)
        for _ in range(lines):
            cut = block.rfind(b"\n", 0, cut)
        return start + cut + 1
    return 0
