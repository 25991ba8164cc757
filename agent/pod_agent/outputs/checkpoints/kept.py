"""Copies of files that are rewritten in place: the last two whole ones, beside the job's state.

A hard link would follow the rewriting, so it is a copy, sharing blocks where the file system can.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from pod_agent.outputs.checkpoints.candidate import Candidate, NotACheckpoint, NotWhole, Seen, Unproved
from pod_agent.outputs.checkpoints.find import file_candidate
from pod_agent.outputs.checkpoints.names import step_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

FOLDER = "kept"
COPIES = 2
SHELVES = 2  # of names never seen rewritten: a new name for each save fills no disk with copies
_FICLONE = 0x40049409
_CHUNK = 64 << 20
_LONGEST = 255  # bytes of a file name
_SPARE = 64 << 20  # bytes of free space a copy leaves
_NO_RANGE = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF}


def wants_copy(candidate: Candidate, step: int | None) -> bool:
    """Whether the next save will go over this one: its name carries no step of its own."""
    return candidate.step is None or (step is not None and step_of(candidate.path.stem) != step)


def keep(candidate: Candidate, step: int | None, folder: Path, state: Path) -> bool:
    """Copy a whole file. False: it moved under the copying, or the copy is not whole, and nothing was kept.

    Nobody waits for the disk here, as the next save may follow at once: ``settle`` does.
    """
    shelf = _shelf(candidate.path, folder, state)
    if shutil.disk_usage(state).free < candidate.size_bytes + _SPARE:
        raise OSError(errno.ENOSPC, f"no room for a copy of {candidate.path.name}")
    (state / FOLDER).mkdir(exist_ok=True, mode=0o700)
    shelf.mkdir(exist_ok=True)
    draft = shelf / f".draft{candidate.path.suffix}"
    try:
        _copy(candidate.path, draft, syncs=False)
        if file_candidate(candidate.path, is_sure=True) != replace(candidate, is_sure=True):
            return False
        with contextlib.suppress(Unproved):  # what was whole is whole as a copy of the same length
            candidate.format.check(replace(candidate, path=draft), Seen())
        (part,) = candidate.parts
        os.utime(draft, ns=(part.mtime_ns, part.mtime_ns))
        made = draft.replace(shelf / f"{_label(candidate, step)}{candidate.path.suffix}")
    except (NotWhole, NotACheckpoint, FileNotFoundError):
        return False
    finally:
        draft.unlink(missing_ok=True)
    others = [
        one for one in _copies(shelf) if one != made
    ]  # by their times: a clock set back spares the new one
    for old in others[: len(others) + 1 - COPIES]:
        old.unlink(missing_ok=True)
    return True


def settle(state: Path, since: float) -> None:
    """Wait until copies that were made since then are on the disk: a host that fails keeps no cache."""
    with contextlib.suppress(OSError):
        for path in (path for shelf in (state / FOLDER).iterdir() for path in _copies(shelf)):
            if path.stat().st_ctime >= since:
                _sync(path)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)


def kept(folder: Path, state: Path) -> list[tuple[Candidate, Path]]:
    """Every copy there is, with the place its original belongs to."""
    found: list[tuple[Candidate, Path]] = []
    with contextlib.suppress(OSError):
        for shelf in sorted((state / FOLDER).iterdir()):
            for path in _copies(shelf):
                one = file_candidate(path, is_sure=True)
                if one is not None:
                    found.append((one, folder / os.fsdecode(unquote_to_bytes(shelf.name))))
    return found


def thin(folder: Path, state: Path, rewritten: Collection[str]) -> None:
    """Take away copies whose original was never rewritten, but for the newest. Originals are not touched."""
    newest: dict[Path, float] = {}
    for copy, place in kept(folder, state):
        if str(place) not in rewritten:
            newest[copy.path.parent] = max(copy.mtime, newest.get(copy.path.parent, 0.0))
    for shelf in sorted(newest, key=lambda shelf: newest[shelf])[:-SHELVES]:
        shutil.rmtree(shelf, ignore_errors=True)


def drop(path: Path, folder: Path, state: Path) -> None:
    """Take away the copies of a file that is never without a whole one: each save is put in place at once."""
    with contextlib.suppress(OSError):
        shutil.rmtree(_shelf(path, folder, state))


def put_back(copy: Path, place: Path) -> None:
    """The copy where the training looks for it, whole at once; the copy stays."""
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.podkeep")
    try:
        _copy(copy, draft)
        found = copy.stat()
        os.utime(draft, ns=(found.st_mtime_ns, found.st_mtime_ns))
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


def _shelf(path: Path, folder: Path, state: Path) -> Path:
    name = path.relative_to(folder) if path.is_relative_to(folder) else path
    label = quote(os.fsencode(name), safe="")
    if len(label) > _LONGEST:
        raise OSError(errno.ENAMETOOLONG, "its path is too long to keep a copy of it")
    return state / FOLDER / label


def _label(candidate: Candidate, step: int | None) -> str:
    if step is not None:
        return f"step-{step}"
    return (
        time.strftime("time-%Y%m%d-%H%M%S", time.gmtime(candidate.mtime))
        + f"-{candidate.parts[0].mtime_ns % 10**9:09}"
    )


def _copies(shelf: Path) -> list[Path]:
    """Oldest first, by when the original was written."""
    paths = [path for path in shelf.iterdir() if not path.name.startswith(".")]
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns)


def _copy(source: Path, target: Path, *, syncs: bool = True) -> None:
    """Shared blocks where possible, else copied inside the kernel, else through our hands."""
    with source.open("rb") as reading, target.open("wb") as writing:
        os.fchmod(writing.fileno(), os.fstat(reading.fileno()).st_mode & 0o777)
        try:
            fcntl.ioctl(writing.fileno(), _FICLONE, reading.fileno())
        except OSError:
            _copy_bytes(reading.fileno(), writing.fileno())
        if syncs:
            os.fdatasync(writing.fileno())


def _copy_bytes(source: int, target: int) -> None:
    in_kernel = True
    while True:
        try:
            moved = os.copy_file_range(source, target, _CHUNK) if in_kernel else _by_hand(source, target)
        except OSError as error:
            if not in_kernel or error.errno not in _NO_RANGE:
                raise
            in_kernel = False
            continue
        if moved == 0:
            return


def _by_hand(source: int, target: int) -> int:
    data = os.read(source, 1 << 20)
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
    return len(data)
