"""A project that builds: pyproject.toml (PEP 621 or any backend), setup.py, setup.cfg; installed in place by pip.

What cannot be built because nobody said what its packages are is no package: its dependencies are installed, and its
folder is on the path.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.environment import pip, toml
from pod_agent.run.environment.requirements import Reader
from pod_agent.run.environment.said import last_line
from pod_agent.run.work import StepFailed
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pod_agent.run.environment.kinds.kind import Target
    from pod_agent.run.environment.requirements import Wanted
    from pod_agent.run.environment.toml import Table

LIST = "podkeep-project.txt"  # in the environment: the dependencies of a project that is no package
_NO_PACKAGE = re.compile(r"Multiple top-level (?:packages|modules) discovered in a flat-layout")
_READ_BY_BUILDS = ("requirements*.txt", "requirements/*.txt")


@dataclass(frozen=True, slots=True)
class Project:
    """The project in a folder, with the extras asked for."""

    folder: Path
    file: str  # what says that it is one
    extras: tuple[str, ...] = ()
    brings_python: bool = False

    @property
    def name(self) -> str:
        return self.file + (f"[{','.join(self.extras)}]" if self.extras else "")

    def wanted(self) -> Wanted:
        """What builds it, what its build may read, and where it lies; its sources are used from there."""
        reader = Reader()
        reader.add(str(self.extras).encode(), str(self.folder).encode("utf-8", "surrogateescape"))
        reader.package(self.folder, whole=False)
        document = toml.quietly(self.folder / "pyproject.toml")
        for line in dependencies(document, self.extras):
            reader.line(line, self.folder / "pyproject.toml", self.folder)
        if "project" not in document or "dynamic" in toml.table(document, "project"):
            for pattern in _READ_BY_BUILDS:
                for path in sorted(self.folder.glob(pattern)):
                    reader.file(path, self.folder)
        return reader.wanted()

    def install(self, target: Target) -> tuple[str, ...]:
        document = toml.load(self.folder / "pyproject.toml")
        if not builds(self.folder, document):
            return self._dependencies(target, document)
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        done = pip.run(target, ("-e", f".{extras}"), self.folder)
        if done.ok:
            return ()
        if "project" in document and _NO_PACKAGE.search(done.text):
            target.work.say("podkeep: the project names no packages; installing what it depends on")
            return self._dependencies(target, document)
        raise pip.failure(self.name, done)

    def _dependencies(self, target: Target, document: Table) -> tuple[str, ...]:
        missing = sorted(set(self.extras) - set(toml.table(document, "project", "optional-dependencies")))
        if missing:
            raise StepFailed(
                f"cannot install {self.name}: the project has no extra {', '.join(missing)}",
                "correct POD_REQUIREMENTS",
            )
        asked = list(dependencies(document, self.extras)) or of_setup_cfg(self.folder)
        on_path(target, self.folder)
        if asked:
            path = target.place / LIST
            path.write_text("".join(f"{line}\n" for line in asked), encoding="utf-8")
            done = pip.run(target, ("-r", str(path)), self.folder)
            if not done.ok:
                raise pip.failure(self.name, done)
        return ()


def builds(folder: Path, document: Table) -> bool:
    """Whether there is something to build, as its own settings say."""
    if toml.table(document, "tool", "uv").get("package") is False:
        return False
    if toml.table(document, "tool", "poetry").get("package-mode") is False:
        return False
    return is_package(folder, document) or "project" in document


def is_package(folder: Path, document: Table) -> bool:
    """Whether somebody has said how it is built."""
    return "build-system" in document or (folder / "setup.py").is_file()


def dependencies(document: Table, extras: tuple[str, ...]) -> Iterator[str]:
    """The requirements that the [project] table lists, those of the extras too."""
    project = toml.table(document, "project")
    optional = toml.table(project, "optional-dependencies")
    for found in (project.get("dependencies"), *(optional.get(extra) for extra in extras)):
        for line in toml.texts(found):
            yield " ".join(line.split())


def of_setup_cfg(folder: Path) -> list[str]:
    """What a setup.cfg lists that nobody builds from."""
    if not (folder / "setup.cfg").is_file():
        return []
    import configparser  # noqa: PLC0415 - few have such a file

    read = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        read.read(folder / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise StepFailed("cannot read setup.cfg: it is no settings file", "correct it") from error
    listed = read.get("options", "install_requires", fallback="")
    return [line.strip() for line in listed.splitlines() if line.strip()]


def editable(target: Target, folder: Path) -> tuple[str, ...]:
    """The project beside its requirements: in place, without its dependencies. Where that fails, its folder alone."""
    done = pip.run(target, ("--no-deps", "-e", "."), folder)
    if done.ok:
        return ()
    on_path(target, folder)
    said = f"the project itself could not be installed ({last_line(done)}); its folder is on the path instead"
    target.work.say(f"podkeep: {said}")
    return (said,)


def on_path(target: Target, folder: Path) -> None:
    """Its modules can be imported from anywhere, as if it were installed in place."""
    top = folder / "src" if (folder / "src").is_dir() else folder
    (site,) = target.place.glob("lib/python*/site-packages")
    (site / "podkeep-project.pth").write_text(f"{top}\n", encoding="utf-8")
