"""Trees that pod-client sends: one file each under ``<workspace>/.podkeep/trees``, named by its sha256.

Written piece by piece from the API, checked when whole, then unpacked by the sync. Knows neither HTTP nor jobs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from typing import TYPE_CHECKING

from pod_agent.outputs.came import digest
from pod_wire.errors import BadInput, Conflict, NoRoom, PodError
from pod_wire.frozen import dataclass
from pod_wire.routes import MAX_TREE_BYTES
from pod_wire.source import is_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = 3  # whole trees, the newest
ABANDONED_S = 3600.0  # no sender is silent for so long; another pod on this volume may have one
RESERVE = 64 << 20  # bytes of the disk that are left to others


class Misplaced(Conflict):
    """A piece that does not follow what is there; ``have`` is where to go on."""

    def __init__(self, have: int) -> None:
        super().__init__(f"cannot take this piece of the tree: {have} bytes are here", "go on from there")
        self.have = have


@dataclass(frozen=True, slots=True)
class Have:
    """How much of a tree is there."""

    size: int
    whole: bool


class Trees:
    """The folder of trees. Each piece is written by one writer at a time: a newer one takes over."""

    def __init__(self, workspace: Path) -> None:
        self.folder = workspace / ".podkeep" / "trees"
        self._lock = threading.Lock()
        self._turns: dict[str, int] = {}

    def path(self, tree: str) -> Path:
        """Where the whole tree lies."""
        if not is_digest(tree):
            raise BadInput(
                "cannot find this tree: its name is no sha256", hint="pod-client up --tree sends trees"
            )
        return self.folder / tree

    def have(self, tree: str) -> Have:
        path = self.path(tree)
        for place, whole in ((path, True), (_part(path), False)):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                return Have(place.stat().st_size, whole)
        return Have(0, whole=False)

    def begin(self, tree: str, offset: int, length: int, total: int) -> Piece:
        """A piece of so many bytes from there on, or the reason why not."""
        if total > MAX_TREE_BYTES:
            raise TooBig
        if length < 0 or offset + length > total:
            raise BadInput("cannot take this piece of the tree: it goes beyond its end")
        with self._lock:
            have = self.have(tree)
            if have.whole or have.size != offset:
                raise Misplaced(have.size)
            self._make_room(total - offset)
            self._turns[tree] = turn = self._turns.get(tree, 0) + 1
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            try:
                fd = os.open(_part(self.path(tree)), flags, 0o600)
            except OSError as error:
                raise _no_room(error) from None
        return Piece(self, tree, turn, fd, offset, offset + length)

    def write(self, piece: Piece, data: bytes) -> None:
        """Add bytes; refused when a newer writer has taken over, or more come than were announced."""
        with self._lock:
            if self._turns.get(piece.tree) != piece.turn:
                raise Misplaced(self.have(piece.tree).size)
            if piece.offset + len(data) > piece.end:
                raise BadInput("cannot take this piece of the tree: it is longer than announced")
            try:
                rest = memoryview(data)
                while rest:
                    done = os.pwrite(piece.fd, rest, piece.offset)
                    piece.offset += done
                    rest = rest[done:]
            except OSError as error:
                raise _no_room(error) from None

    def finish(self, tree: str) -> None:
        """All is there: check the digest and put it in place. A wrong one begins anew."""
        path = self.path(tree)
        part = _part(path)
        with self._lock:
            self._turns[tree] = self._turns.get(tree, 0) + 1  # nobody writes while it is read
            if path.exists():
                return
            try:
                is_right = digest(part) == tree
            except FileNotFoundError:  # another pod on the same volume was quicker
                raise Misplaced(self.have(tree).size) from None
            if not is_right:
                part.unlink(missing_ok=True)
                raise Misplaced(0)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)
            self._thin(path)

    def _thin(self, newest: Path) -> None:
        whole = [one for one in self.folder.iterdir() if is_digest(one.name) and one != newest]
        whole.sort(key=lambda one: one.stat().st_mtime, reverse=True)
        for one in (*whole[KEPT - 1 :], *self._abandoned()):
            one.unlink(missing_ok=True)

    def _abandoned(self) -> Iterator[Path]:
        """Halves that nobody goes on with."""
        for one in self.folder.glob("*.part"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - one.stat().st_mtime > ABANDONED_S:
                    yield one

    def _make_room(self, needed: int) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise _no_room(error) from None
        if needed > free - RESERVE:
            raise NoRoom(
                f"cannot take the tree: {needed} bytes are to come and {max(0, free)} are free on the pod's volume",
                "make the volume larger (--mount), or leave out what the run does not need (.gitignore)",
            )


@dataclass(slots=True)
class Piece:
    """What one request writes."""

    trees: Trees
    tree: str
    turn: int
    fd: int
    offset: int
    end: int

    def write(self, data: bytes) -> None:
        self.trees.write(self, data)

    def close(self) -> None:
        os.close(self.fd)


class TooBig(PodError):
    """More than a tree may be."""

    status = 413

    def __init__(self) -> None:
        super().__init__(
            f"cannot take the tree: it is over {MAX_TREE_BYTES // 10**9} GB",
            "keep data out of the repository, or have git ignore it",
        )


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _no_room(error: OSError) -> NoRoom:
    return NoRoom(
        f"cannot keep the tree on the pod's volume: {error.strerror}",
        "make the volume larger (--mount), or remove old files from it",
    )
