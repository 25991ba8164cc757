"""poetry.lock: Poetry turns it into pins with hashes, and pip installs those, as pip sees the image's torch.

Poetry's own install would compare versions letter by letter: 2.6.0 locked, 2.6.0+cu124 there, a second torch.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.environment import distributions, pip, toml, tools
from pod_agent.run.environment.distributions import canonical
from pod_agent.run.environment.kinds.project import editable, on_path
from pod_agent.run.environment.locked import Locked, of_the_image
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

PINS = "podkeep-poetry.txt"  # in the environment: what Poetry said
_LOCAL = re.compile(r'^type = "(?:directory|file)"\nurl = "(?P<path>[^"]+)"', re.MULTILINE)
_ENTRY = re.compile(r"^([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:==|@|;)")
_PLAIN_ENV = {
    "POETRY_NO_INTERACTION": "1",
    "POETRY_VIRTUALENVS_CREATE": "false",
    "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
}


@dataclass(frozen=True, slots=True)
class PoetryLock:
    """A project that Poetry has locked."""

    lock: Path
    extras: tuple[str, ...] = ()
    brings_python: bool = False

    @property
    def name(self) -> str:
        return "poetry.lock" + (f"[{','.join(self.extras)}]" if self.extras else "")

    @property
    def project(self) -> Path:
        return self.lock.parent

    def wanted(self) -> Wanted:
        reader = Reader()
        reader.add(str(self.extras).encode(), str(self.project).encode("utf-8", "surrogateescape"))
        text = reader.plain(self.lock)
        reader.plain(self.project / "pyproject.toml")
        for path in dict.fromkeys(_LOCAL.findall(text)):
            place = self.project / path
            if place.exists():
                reader.package(place, whole=True)
        return reader.wanted()

    def install(self, target: Target) -> tuple[str, ...]:
        document = toml.load(self.project / "pyproject.toml")
        pins = target.place / PINS
        self._export(target, document, pins)
        left = self._of_the_image(target, document)
        text = pins.read_text(encoding="utf-8")
        pins.write_text(_without(text, left), encoding="utf-8")
        if left:
            target.work.say(f"podkeep: {len(left)} of the lock's packages are left to the image")
        done = pip.run(target, ("--no-deps", "-r", str(pins)), self.project)
        if not done.ok:
            raise pip.failure(self.name, done)
        _check_python(pins.read_text(encoding="utf-8"), done.text, target, self.name)
        return self._itself(target, document)

    def _itself(self, target: Target, document: Table) -> tuple[str, ...]:
        """The project, as `poetry install` would: a package, unless it says that it is none."""
        tool = toml.table(document, "tool", "poetry")
        if tool.get("package-mode") is False or "build-system" not in document:
            on_path(target, self.project)
            return ()
        return editable(target, self.project)

    def _export(self, target: Target, document: Table, pins: Path) -> None:
        groups = [
            name
            for name, group in toml.table(document, "tool", "poetry", "group").items()
            if name != "main" and not (isinstance(group, dict) and group.get("optional") is True)
        ]
        groups += ["dev"] if toml.table(document, "tool", "poetry", "dev-dependencies") else []
        words = ["export", "--format", "requirements.txt", "--output", str(pins)]
        words += ["--with", ",".join(sorted(set(groups)))] if groups else []
        words += [word for extra in self.extras for word in ("--extras", extra)]
        env = {**target.env, **_PLAIN_ENV}
        with tools.poetry(target) as poetry:
            done = target.work.run([*poetry, *words], cwd=self.project, env=env)
        if not done.ok or not pins.exists():
            changed = "changed significantly" in done.text
            reason = "pyproject.toml has changed since it was locked" if changed else last_line(done)
            raise StepFailed(
                f"cannot install {self.name}: {reason}", "run `poetry lock` and commit poetry.lock"
            )

    def _of_the_image(self, target: Target, document: Table) -> set[str]:
        packages = list(_packages(toml.load(self.lock)))
        image = distributions.versions(target.python.sites)
        return of_the_image(packages, _roots(document), image)


def _packages(told: Table) -> Iterator[Locked]:
    for one in toml.tables(told.get("package")):
        names = tuple(canonical(name) for name in toml.table(one, "dependencies"))
        yield Locked(canonical(str(one.get("name"))), str(one.get("version", "")), names)


def _roots(document: Table) -> set[str]:
    """What the project itself names."""
    tool = toml.table(document, "tool", "poetry")
    names = [*toml.table(tool, "dependencies"), *toml.table(tool, "dev-dependencies")]
    for group in toml.table(tool, "group").values():
        names += toml.table(group, "dependencies")
    project = toml.table(document, "project")
    lists = [project.get("dependencies"), *toml.table(project, "optional-dependencies").values()]
    lists += toml.table(document, "dependency-groups").values()
    names += [re.split(r"[^\w.-]", text, maxsplit=1)[0] for one in lists for text in toml.texts(one)]
    return {canonical(name) for name in names}


def _without(text: str, names: set[str]) -> str:
    """Pins without those of some packages; a pin goes on where lines are indented."""
    out: list[str] = []
    taking = True
    for line in text.splitlines(keepends=True):
        if not line.startswith((" ", "\t")):
            entry = _ENTRY.match(line)
            taking = entry is None or canonical(entry[1]) not in names
        if taking:
            out.append(line)
    return "".join(out)


def _check_python(pins: str, said: str, target: Target, name: str) -> None:
    """A pin for another Python is passed over by pip without failing; all of them means the wrong Python."""
    entries = sum(1 for line in pins.splitlines() if _ENTRY.match(line))
    if entries and said.count("Ignoring ") >= entries:
        raise StepFailed(
            f"cannot install {name}: all of it is for another Python than {target.python.version}",
            "use an image with the Python that pyproject.toml asks for",
        )
