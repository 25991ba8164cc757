"""uv.lock, installed by uv itself: its lock says more than a list of pins can (indexes, sources, members).

uv does not see the image's packages; it is told which ones to leave out (``locked``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.environment import distributions, toml, tools
from pod_agent.run.environment.distributions import canonical
from pod_agent.run.environment.kinds.project import is_package, on_path
from pod_agent.run.environment.locked import Locked, of_the_image
from pod_agent.run.environment.requirements import Reader
from pod_agent.run.environment.said import meaning
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pod_agent.run.environment.kinds.kind import Target
    from pod_agent.run.environment.requirements import Wanted
    from pod_agent.run.environment.toml import Table
    from pod_agent.run.work import Finished, StepFailed

_LOCAL = re.compile(r'source = \{ (?P<kind>editable|virtual|directory|path) = "(?P<path>[^"]+)" \}')
_OURS = ("editable", "virtual", "workspace")
_MEANINGS = (
    (
        r"resolved to Python (\S+), which is incompatible with the project's Python requirement: `?([^`\s]+)",
        "the project asks for Python {1} and the image has {0}",
        "use an image with such a Python, or widen requires-python and lock again",
    ),
    (
        r"lockfile at `uv\.lock` (?:uses an unsupported|needs to be updated)|Failed to parse `uv\.lock`",
        "this uv cannot read the lock file",
        "run `uv lock` with a uv like the image's and commit uv.lock",
    ),
    (r"[Ee]xtra `([^`]+)` is not defined", "the project has no extra {0}", "correct POD_REQUIREMENTS"),
)


@dataclass(frozen=True, slots=True)
class UvLock:
    """A project that uv has locked. ``lock`` may lie above the project: it is then a member of a workspace."""

    lock: Path
    project: Path
    extras: tuple[str, ...] = ()
    brings_python: bool = False

    @property
    def name(self) -> str:
        return "uv.lock" + (f"[{','.join(self.extras)}]" if self.extras else "")

    def wanted(self) -> Wanted:
        """The lock, and what it says of packages on this disk. Searched, not parsed: a restart has no 100 ms."""
        reader = Reader()
        reader.add(str(self.extras).encode(), str(self.project).encode("utf-8", "surrogateescape"))
        text = reader.plain(self.lock)
        reader.plain(self.project / "pyproject.toml")
        for kind, path in dict.fromkeys(_LOCAL.findall(text)):
            place = self.lock.parent / path
            if place.exists():
                reader.package(place, whole=kind in {"directory", "path"})
        return reader.wanted()

    def install(self, target: Target) -> tuple[str, ...]:
        left = self._of_the_image(target)
        env = {
            **target.env,
            "UV_PROJECT_ENVIRONMENT": str(target.place),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1",
        }
        words = ["sync", "--frozen", "--inexact", "--python", target.program]
        words += [word for extra in self.extras for word in ("--extra", extra)]
        words += [word for name in sorted(left) for word in ("--no-install-package", name)]
        if left:
            target.work.say(f"podkeep: {len(left)} of the lock's packages are left to the image")
        from pod_agent.run.environment import installing  # noqa: PLC0415 - not where all is there

        with tools.uv(target) as uv:
            done = installing.run(target, [uv, *words], self.project, env)
        if not done.ok:
            raise _failure(self.name, done)
        if not is_package(self.project, toml.load(self.project / "pyproject.toml")):
            on_path(target, self.project)
        return ()

    def _of_the_image(self, target: Target) -> set[str]:
        packages = list(_packages(toml.load(self.lock)))
        roots = {one.name for one, is_ours in packages if is_ours}
        image = distributions.versions(target.python.sites)
        return of_the_image([one for one, _ in packages], roots, image) - roots


def _packages(told: Table) -> Iterator[tuple[Locked, bool]]:
    """Each package of the lock, and whether it is the project or a member."""
    for one in toml.tables(told.get("package")):
        is_ours = any(key in toml.table(one, "source") for key in _OURS)
        yield (
            Locked(canonical(str(one.get("name"))), str(one.get("version", "")), tuple(_needs(one))),
            is_ours,
        )


def _needs(package: Table) -> Iterator[str]:
    """Every name it needs, in any group and extra: more than is installed never leaves a needed one out."""
    groups = (toml.table(package, key).values() for key in ("optional-dependencies", "dev-dependencies"))
    for found in (package.get("dependencies"), *(one for values in groups for one in values)):
        for need in toml.tables(found):
            yield canonical(str(need.get("name")))


def _failure(name: str, done: Finished) -> StepFailed:
    from pod_agent.run.environment import installing  # noqa: PLC0415 - the same

    text = done.output.decode("utf-8", "replace")
    return meaning(text, _MEANINGS, name) or installing.failure(name, done, "uv")
