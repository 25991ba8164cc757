"""What lies on the pod's own disk beside what the job at hand has made: for the proof rule, where the disk would go.

Other jobs by their records, older runs by what stands of them, and files outside of all that podkeep knows of, counted
no further than it takes to name them. May hang with the disk: callers wait apart. Not here: what follows (``leaving``).
"""

from __future__ import annotations

import os
import time
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.outputs import belonging
from pod_agent.run import state
from pod_agent.run.aside import ASIDE
from pod_agent.run.folders import HOME
from pod_wire import proof
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pod_agent.run.state import Job

CACHE = ".cache"  # where the job's caches go
MOST_NAMED = 3
MOST_NAME = 60
MOST_FILES = 1000  # so many say enough
MOST_LOOKS = 100_000
WALK_S = 1.0


@dataclass(frozen=True, slots=True)
class Beside:
    """In words. ``own``: of this job's older runs. ``others``: not this job's, and never its to give up."""

    own: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(slots=True)
class _Files:
    """Those that nobody here knows of, by what lies at the top."""

    count: int = 0
    names: dict[str, None] = field(default_factory=dict)
    is_all: bool = True


def look(top: Path, workspace: Path, job: Job, ours: Iterable[Path] = ()) -> Beside:
    """``top``: where the disk is mounted. ``ours``: what else the agent keeps. OSError where it cannot be seen."""
    here = Path(os.path.realpath(workspace))
    jobs, known = (
        [],
        {here / HOME, here / CACHE, here / job.name, *(Path(os.path.realpath(one)) for one in ours)},
    )
    for folder in _folders(here / HOME / "jobs"):
        if folder.name == job.name:
            continue
        other = _record(folder)
        if isinstance(other, str):
            jobs.append(other)
            continue
        if other is not None:
            known.add(here / folder.name)
            jobs += _made(folder, other)
    mine = here / HOME / "jobs" / job.name
    own = ("what its older runs made",) if _has_older(mine, job.run) else ()
    left = _walk(top, {os.fspath(path) for path in known})
    return Beside(own, (*_some(jobs), *_words(left)))


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(one for one in place.iterdir() if one.is_dir())
    except FileNotFoundError:
        return []


def _record(folder: Path) -> Job | str | None:
    """Of another job; in words where nobody can say what it has made; None where nothing was begun."""
    try:
        return state.load((folder / state.FILE).read_bytes())
    except FileNotFoundError:
        return f"job {_shown(folder.name)}, which has no record" if (folder / "log").exists() else None
    except BadInput:
        return f"job {_shown(folder.name)}, whose record cannot be read"


def _made(folder: Path, other: Job) -> list[str]:
    """One whose own order gave it up has made nothing that counts."""
    if other.spec.ephemeral:
        return []
    name = _shown(folder.name)
    if proof.made(len(other.attempts), other.checkpoint):
        step = None if other.checkpoint is None else other.checkpoint.step
        return [f"what job {name} made{'' if step is None else f' (until step {step})'}"]
    return [f"what older runs of job {name} made"] if _has_older(folder, other.run) else []


def _has_older(folder: Path, run: str) -> bool:
    """Whether something of earlier runs was set aside, or was there when this one began."""
    if any((folder / ASIDE).rglob("*")):
        return True
    return (folder / belonging.FILE).exists() and belonging.load(folder, run) != {}


def _walk(top: Path, known: set[str], most: int = MOST_LOOKS, until: float | None = None) -> _Files:
    """TimeoutError where nothing was found in time, and not all was seen."""
    found, looks, until = _Files(), 0, time.monotonic() + WALK_S if until is None else until
    disk = top.stat().st_dev
    waiting = [(os.fspath(top), "")]
    while waiting:
        folder, first = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                looks += 1
                if found.count >= MOST_FILES or looks > most or time.monotonic() > until:
                    found.is_all = False
                    return _enough(found)
                if entry.path in known:
                    continue
                if entry.is_file(follow_symlinks=False):
                    found.count += 1
                    found.names.setdefault(first or entry.name)
                elif entry.is_dir(follow_symlinks=False) and _lies_on(entry, disk):
                    waiting.append((entry.path, first or entry.name))
    return found


def _lies_on(entry: os.DirEntry[str], disk: int) -> bool:
    """Another disk that is mounted here outlives this one."""
    return entry.stat(follow_symlinks=False).st_dev == disk


def _enough(found: _Files) -> _Files:
    if not found.count:
        raise TimeoutError("the disk could not be looked through in time")
    return found


def _words(found: _Files) -> tuple[str, ...]:
    if not found.count:
        return ()
    many = (
        f"{found.count} file{'s' if found.count > 1 else ''}"
        if found.is_all
        else f"{found.count} files or more"
    )
    names = sorted(found.names)
    more = "" if len(names) <= MOST_NAMED and found.is_all else " …"
    return (f"{many} that no job made ({' '.join(_shown(one) for one in names[:MOST_NAMED])}{more})",)


def _some(jobs: list[str]) -> tuple[str, ...]:
    more = len(jobs) - MOST_NAMED
    return (*jobs[:MOST_NAMED], *((f"{more} more jobs" if more > 1 else "another job",) if more > 0 else ()))


def _shown(name: str) -> str:
    safe = "".join(c if c.isprintable() else "?" for c in name)
    return f"'{safe if len(safe) <= MOST_NAME else f'{safe[:MOST_NAME]}…'}'"
