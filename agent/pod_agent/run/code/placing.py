"""Puts files that came from elsewhere than git into the job's tree, over those of an earlier time.

What we put there and nobody changed is replaced or removed. What somebody changed is saved aside before it is
written over, and named. What we did not put there is never removed. A kill leaves what the next try puts right.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pod_agent.outputs.came import HALF, ID, MANIFEST, PLACE, Came, Manifest, digest, write_whole
from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pod_agent.run.work import Work

OLDER = "older"  # in PLACE: code that gives way to git, until all of git's is there
_NAMED = 5  # names of a kind that the log shows


@dataclass(slots=True)
class _Said:
    """What is told when it is done."""

    edited: list[str] = field(default_factory=list)
    in_the_way: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


class Placing:
    """One time of putting files in place."""

    def __init__(self, tree: Path, work: Work) -> None:
        self._tree = tree
        self._work = work
        found = (Manifest.read(tree), Manifest.read(tree, HALF))
        self._before = tuple(one for one in found if one is not None)
        self._aside = _new_folder(tree / PLACE)
        self._folders = {tree}
        self._real = {tree}  # folders that are no links, nor reached through one
        self._said = _Said()

    def put(self, root: Path, coming: Manifest) -> None:
        """Move the files of ``coming`` from the folder ``root`` into the tree, and take away what they replace."""
        place = self._tree / PLACE
        (place / ID).unlink(missing_ok=True)
        self._fold(coming)
        coming.write(self._tree, HALF)
        self.remove(set(coming.files))
        there = {name: self._one(name, root / name, one) for name, one in sorted(coming.files.items())}
        Manifest(coming.id, there, coming.origin, coming.validator).write(self._tree)
        write_whole(place / ID, coming.id.encode())
        (place / HALF).unlink(missing_ok=True)
        shutil.rmtree(place / OLDER, ignore_errors=True)
        self._tell()

    def remove(self, but: Iterable[str] = (), to: Path | None = None) -> None:
        """Take away what we put there earlier and nobody changed, ``but`` these; or move it ``to`` a folder."""
        for name in sorted({name for one in self._before for name in one.files} - set(but)):
            path = self._tree / name
            if self._is_ours(name, path):
                _move(path, to / name) if to else path.unlink()
                self._prune(path.parent)
            elif os.path.lexists(path):
                self._said.kept.append(name)
            self._beat()

    def forget(self) -> None:
        """The code comes from git from now on."""
        place = self._tree / PLACE
        (place / ID).unlink(missing_ok=True)
        self.remove(to=place / OLDER)
        for name in (MANIFEST, HALF):
            (place / name).unlink(missing_ok=True)
        self._tell()

    def _fold(self, coming: Manifest) -> None:
        """What another half put in place is written down before its note is: a second kill may follow."""
        half = Manifest.read(self._tree, HALF)
        if half is None or half.id == coming.id:
            return
        there = {name: one for name, one in half.files.items() if self._lies(self._tree / name, one)}
        last = Manifest.read(self._tree)
        Manifest(half.id, {**(last.files if last else {}), **there}).write(self._tree)

    def _one(self, name: str, staged: Path, came: Came) -> Came:
        path = self._tree / name
        self._folder(path.parent)
        self._beat()
        if path.is_dir() and not path.is_symlink():
            self._empty(path, name)
        if os.path.lexists(path):
            if self._is_same(name, path, came):
                path.chmod(stat.S_IMODE(staged.stat().st_mode)) if came.link is None else None
                return _as_it_is(path, came)
            if not self._is_ours(name, path):
                if self._is_the_runs(name, came):
                    self._said.kept.append(name)
                    return came
                self._set_aside(name, path)
        staged.rename(path)
        return _as_it_is(path, came)

    def _is_ours(self, name: str, path: Path) -> bool:
        return any(self._lies(path, one.files[name]) for one in self._before if name in one.files)

    def _lies(self, path: Path, came: Came) -> bool:
        """Whether we put it there. What lies behind a link was moved there by somebody, and is theirs now."""
        return self._is_real(path.parent) and came.is_at(path)

    def _is_real(self, folder: Path) -> bool:
        if folder in self._real:
            return True
        if folder.is_symlink() or not self._is_real(folder.parent):
            return False
        self._real.add(folder)
        return True

    def _is_same(self, name: str, path: Path, came: Came) -> bool:
        if came.link is not None:
            return path.is_symlink() and str(path.readlink()) == came.link
        known = [one.files[name] for one in self._before if name in one.files]
        if any(one.sha256 == came.sha256 and one.is_untouched(path) for one in known):
            return True
        seen = path.lstat()
        return stat.S_ISREG(seen.st_mode) and seen.st_size == came.size and digest(path) == came.sha256

    def _is_the_runs(self, name: str, came: Came) -> bool:
        """A checkpoint that came with the code, was written over by the run, and is the same old one again."""
        from pod_agent.outputs.checkpoints.known import ENDINGS  # noqa: PLC0415 - seldom asked

        old = [one.files[name].sha256 for one in self._before if name in one.files]
        return came.sha256 in old and bool(came.sha256) and name.endswith(tuple(ENDINGS))

    def _set_aside(self, name: str, path: Path) -> None:
        known = any(name in one.files for one in self._before)
        (self._said.edited if known else self._said.in_the_way).append(name)
        _move(path, self._aside / name)

    def _folder(self, folder: Path) -> None:
        """Have this folder; a file or link where it belongs is in the way."""
        if folder in self._folders:
            return
        self._folder(folder.parent)
        if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir()):
            name = folder.relative_to(self._tree).as_posix()
            if self._is_ours(name, folder):
                folder.unlink()
            else:
                self._set_aside(name, folder)
        folder.mkdir(exist_ok=True)
        self._folders.add(folder)

    def _empty(self, path: Path, name: str) -> None:
        try:
            path.rmdir()
        except OSError:
            raise StepFailed(
                f"cannot put the file {name} into {self._tree}: a folder of that name lies there",
                "it holds files that did not come with the code; move it, then run the job again",
            ) from None

    def _prune(self, folder: Path) -> None:
        while folder != self._tree:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _beat(self) -> None:
        self._work.beat()

    def _tell(self) -> None:
        said = self._said
        for names, words in (
            (said.edited, f"had been edited here; saved in {self._aside}"),
            (said.in_the_way, f"lay where the code has files; moved to {self._aside}"),
            (said.kept, "came with earlier code and were changed here; they stay"),
        ):
            if names:
                shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
                self._work.say(f"podkeep: {_count(len(names))} {words}: {shown}")


def _new_folder(place: Path) -> Path:
    """A name for what is saved aside; two in one second do not meet."""
    first = place / f"aside-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    names = (first, *(first.with_name(f"{first.name}-{number}") for number in range(2, 1000)))
    return next((name for name in names if not name.exists()), first)


def _move(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    path.rename(to)


def clear_half(tree: Path) -> None:
    """What a kill may have left of an unpacking."""
    shutil.rmtree(tree / PLACE / "new", ignore_errors=True)


def _as_it_is(path: Path, came: Came) -> Came:
    seen = path.lstat()
    return came if came.link is not None else Came(seen.st_size, seen.st_mtime_ns, came.sha256)


def _count(number: int) -> str:
    return "1 file that" if number == 1 else f"{number} files that"
