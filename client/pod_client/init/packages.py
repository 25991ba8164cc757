"""Which package list the agent will install, by the order that it uses. Looks at names only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_client.init.repository import Repository

_FOUND_BY_ITSELF = (
    "uv.lock",
    "poetry.lock",
    "requirements.txt",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "environment.yml",
    "environment.yaml",
)
_ELSEWHERE = re.compile(r"(?:requirements?/[\w.-]+|requirements?[-_][\w.-]+|[\w.-]+[-_]requirements)\.txt")
_NOT_FOR_TRAINING = re.compile(r"dev|test|docs?|lint|ci\b|build|style", re.IGNORECASE)
_UNREAD = ("Pipfile.lock", "Pipfile", "pdm.lock", "pixi.lock", "pixi.toml")


@dataclass(frozen=True, slots=True)
class Packages:
    """``named`` has to be written down; without it the list is found by itself."""

    words: str
    named: str | None = None
    others: tuple[str, ...] = ()


def packages(repository: Repository) -> Packages:
    """What lies in the folder itself; lists above it are found by the agent as well."""
    own = [name for name in _FOUND_BY_ITSELF if name in repository.names]
    if own:
        return Packages(f"{own[0]} is installed before the training begins")
    other = [name for name in repository.names if _ELSEWHERE.fullmatch(name)]
    fitting = [name for name in other if not _NOT_FOR_TRAINING.search(name)]
    if fitting:
        rest = tuple(name for name in other if name != fitting[0])
        return Packages("no requirements.txt here; this one looks right", fitting[0], rest[:3])
    if unread := repository.has(*_UNREAD):
        return Packages(f"{unread} is not read by podkeep: export it to requirements.txt")
    if repository.git.subdir != ".":
        return Packages("no package list in this folder; the folders above it are looked at as well")
    return Packages("no package list was found; what is not in the image has to be in a requirements.txt")
