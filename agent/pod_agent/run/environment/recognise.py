"""Which package list a job has, and why: what POD_REQUIREMENTS names, else the first of a fixed order.

Looks at names only, and at which tables a pyproject.toml has; what a list means is its kind's to say.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pod_agent.run.environment import notebook, toml
from pod_agent.run.environment.kinds import conda_file, project
from pod_agent.run.environment.kinds.bare import Bare
from pod_agent.run.environment.kinds.conda_file import CondaFile
from pod_agent.run.environment.kinds.pip_file import PipFiles
from pod_agent.run.environment.kinds.poetry_lock import PoetryLock
from pod_agent.run.environment.kinds.project import Project
from pod_agent.run.environment.kinds.uv_lock import UvLock
from pod_agent.run.work import StepFailed
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.run.environment.kinds.kind import Kind
    from pod_agent.run.environment.requirements import Wanted
    from pod_wire.job import JobSpec

UNREAD = ("Pipfile.lock", "Pipfile", "pdm.lock", "pixi.lock", "pixi.toml", "pylock.toml", "conda-lock.yml")
_BUILT = ("pyproject.toml", "setup.py", "setup.cfg")
_NAMED = re.compile(r"(?P<path>[^\[\]]*?)/?(?:\[(?P<extras>[^\[\]]*)\])?")
_READ = "it reads requirements files, pyproject.toml, setup.py, uv.lock, poetry.lock and environment.yml"


@dataclass(frozen=True, slots=True)
class Found:
    """The list, in words why it and no other, and what else there is to say."""

    kind: Kind
    why: str
    warnings: tuple[str, ...] = ()

    def wanted(self, spec: JobSpec) -> Wanted:
        """All that the environment depends on but the interpreter: the list, POD_SETUP's text, a notebook."""
        found = self.kind.wanted()
        runs = "notebook" if notebook.named(spec.command) else ""
        text = f"{type(self.kind).__name__}\n{found.digest}\n{runs}\n{spec.setup or ''}"
        return replace(found, digest=hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest())


def recognise(spec: JobSpec, folder: Path) -> Found | None:
    """The job's package list; None where there is none and nothing else needs an environment."""
    folder = folder.absolute()
    if spec.requirements:
        return _named(spec.requirements, folder)
    found = None if spec.requirements == "" else _looked_for(spec, folder)
    if found is None and spec.setup:
        return Found(Bare(), "but POD_SETUP is set")
    if found is None and notebook.named(spec.command):
        return Found(Bare(), "but the command is a notebook")
    return found


def unread(spec: JobSpec, folder: Path) -> tuple[str, ...]:
    """The warning about lists that nothing here reads, where the job has no other."""
    there = [name for name in UNREAD if spec.requirements is None and (folder / name).is_file()]
    if not there:
        return ()
    return (f"{there[0]} is not read, and nothing of it was installed: {_READ}; export it to one of these",)


def _looked_for(spec: JobSpec, folder: Path) -> Found | None:
    """The first in the command's folder; where it has none, in the folders above it, up to the code's root."""
    depth = len(PurePosixPath(spec.subdir).parts) if spec.subdir != "." else 0
    above = folder.parents[:depth]
    lock = next((place / "uv.lock" for place in above if _is_workspace(place)), None)
    if lock is not None and (folder / "pyproject.toml").is_file() and not (folder / "uv.lock").is_file():
        return Found(UvLock(lock, folder), "the folder is a member of its workspace")
    for place in (folder, *above):
        found = _in(place)
        if found is not None:
            where = f"in {place.name or place}, above the command's folder"
            return found if place == folder else replace(found, why=where)
    return None


def _is_workspace(folder: Path) -> bool:
    document = toml.quietly(folder / "pyproject.toml")
    return (folder / "uv.lock").is_file() and "workspace" in toml.table(document, "tool", "uv")


def _in(folder: Path) -> Found | None:
    """The order: locks say exactly what their author ran, a list for pip says it loosely, conda's needs a program."""
    file = folder / "requirements.txt"
    read = toml.quietly if file.is_file() else toml.load
    document = read(folder / "pyproject.toml")
    if (locked := _locked(folder, ())) is not None:
        return Found(locked, "a lock comes first")
    if file.is_file():
        beside = folder if project.is_package(folder, document) else None
        return Found(PipFiles((file,), folder, beside), "no lock is there")
    if (what := _project(folder, document)) is not None:
        return Found(what, "neither a lock nor requirements.txt is there")
    for name in conda_file.NAMES:
        if (folder / name).is_file():
            return Found(CondaFile(folder / name), "nothing that pip reads is there")
    return None


def _locked(folder: Path, extras: tuple[str, ...]) -> Kind | None:
    if not (folder / "pyproject.toml").is_file():
        return None
    if (folder / "uv.lock").is_file():
        return UvLock(folder / "uv.lock", folder, extras)
    return PoetryLock(folder / "poetry.lock", extras) if (folder / "poetry.lock").is_file() else None


def _project(folder: Path, document: toml.Table) -> Project | None:
    if "project" in document or project.is_package(folder, document):
        built = "pyproject.toml" if {"project", "build-system"} & set(document) else "setup.py"
        return Project(folder, built)
    if toml.table(document, "tool", "poetry", "dependencies"):
        return Project(folder, "pyproject.toml")
    return Project(folder, "setup.cfg") if project.of_setup_cfg(folder) else None


def _named(text: str, folder: Path) -> Found:
    """What POD_REQUIREMENTS names: a file, a pattern of files, or a project with its extras."""
    why = "POD_REQUIREMENTS names it"
    split = _NAMED.fullmatch(text)
    name, listed = (split["path"], split["extras"]) if split else (text, None)
    extras = tuple(word.strip() for word in (listed or "").split(",") if word.strip())
    path = Path(folder, name)
    if path.is_dir():
        return Found(_of_folder(path, extras, text), why)
    if listed is not None and path.name not in {
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "uv.lock",
        "poetry.lock",
    }:
        path = folder / text  # brackets of a file's own name
    files = (path,) if path.is_file() else tuple(sorted(one for one in folder.glob(text) if one.is_file()))
    if not files:
        raise StepFailed(
            f"cannot install {text}: there is no such file in {folder}",
            "check POD_REQUIREMENTS; it is a path below the folder the command runs in",
        )
    if len(files) > 1:
        return Found(PipFiles(files, folder), why)
    return Found(_of_file(files[0], extras, folder), why)


def _of_folder(folder: Path, extras: tuple[str, ...], text: str) -> Kind:
    if (locked := _locked(folder, extras)) is not None:
        return locked
    found = _project(folder, toml.load(folder / "pyproject.toml"))
    if found is None:
        raise StepFailed(
            f"cannot install {text}: the folder holds no project",
            "a project has a pyproject.toml with a [project] table, or a setup.py",
        )
    return replace(found, extras=extras)


def _of_file(file: Path, extras: tuple[str, ...], folder: Path) -> Kind:
    if file.name == "uv.lock":
        return UvLock(file, file.parent, extras)
    if file.name == "poetry.lock":
        return PoetryLock(file, extras)
    if file.name in _BUILT:
        return Project(file.parent, file.name, extras)
    if file.suffix in {".yml", ".yaml"}:
        return CondaFile(file)
    if file.name in UNREAD:
        raise StepFailed(f"cannot install {file.name}: it is not read here", _READ)
    return PipFiles((file,), folder)
