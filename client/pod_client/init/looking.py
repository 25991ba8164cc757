"""Looks at a repository and says what job it is: command, way to resume, packages, and why each. Reads only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_client.init import spoken
from pod_client.init.command import Command, command_of
from pod_client.init.entry import entries, shell_scripts
from pod_client.init.flags.flag import CHECKPOINT
from pod_client.init.makefile import train_target
from pod_client.init.packages import Packages, packages
from pod_client.init.program import Program, program_of
from pod_client.init.repository import open_repository
from pod_client.init.resume.recognise import Resuming, recognise
from pod_client.init.resume.way import Way
from pod_client.init.saving import unseen_checkpoints
from pod_wire.frozen import dataclass
from pod_wire.shell_text import shape
from pod_wire.variable import NAME_LIMIT

if TYPE_CHECKING:
    from pathlib import Path

    from pod_client.init.entry import Weighed
    from pod_client.init.git_place import GitPlace
    from pod_client.init.makefile import Target
    from pod_client.init.repository import Repository

_SECRETS = (
    ("WANDB_API_KEY", re.compile(r"^\s*(?:import|from) wandb\b|report_to=['\"\[]+wandb|WandbLogger", re.MULTILINE)),
    ("HF_TOKEN", re.compile(r"push_to_hub|HF_TOKEN|huggingface_hub import .*login|use_auth_token|token=True")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that the file will say. ``program`` is None where nothing trains here."""

    name: str
    git: GitPlace
    command: Command
    resuming: Resuming
    packages: Packages
    secrets: tuple[str, ...]
    trouble: tuple[str, ...]
    checkpoints: str | None = None  # a glob, where looking would pass them over


def look(folder: Path) -> Found:
    repository = open_repository(folder)
    target = train_target(repository)
    said = spoken.readme_commands(repository)
    weighed = entries(repository, _named_elsewhere(repository, target, said))
    if not weighed:
        return _nothing(folder, repository, target)
    program = program_of(weighed[0].source, repository)
    command = command_of(program, repository, target, said)
    _add_others(command, weighed, repository)
    resuming = recognise(program)
    if command.resumes is not None and target is not None:
        reason = f"{target.place.name} has the variable {command.resumes} for it ({target.place})"
        way = Way(f"{command.resumes}={CHECKPOINT}", reason, target.place, 95)
        resuming = Resuming(way, (), None)
        command.takes_more, command.passes = True, None
    return Found(
        job_name(folder.name),
        repository.git,
        command,
        resuming,
        packages(repository),
        tuple(name for name, words in _SECRETS if any(words.search(one.text) for one in program.sources)),
        tuple(repository.trouble),
        unseen_checkpoints(program),
    )


def job_name(text: str) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-")[:NAME_LIMIT].strip(".-")
    return name or "train"


def resume_fits(found: Found) -> bool:
    """Whether words can be added at the command's end."""
    text = found.command.text
    way = found.resuming.way
    if text is None or way is None:
        return False
    if not way.text:
        return True
    seen = shape(text)
    return found.command.takes_more and seen.is_closed and not seen.breaks


def _nothing(folder: Path, repository: Repository, target: Target | None) -> Found:
    """No program that trains; a Makefile or a script of the shell may still do it."""
    command = Command(None)
    scripts = shell_scripts(repository)
    if target is not None:
        command = Command(
            f"make {target.name}", f"the target {target.name} of {target.place}", takes_more=False
        )
    elif scripts:
        command = Command(
            f"bash {scripts[0]}", f"{scripts[0]} says so in its name", scripts[1:], takes_more=False
        )
    nothing = Resuming(None, (), None)
    name, trouble = job_name(folder.name), tuple(repository.trouble)
    return Found(name, repository.git, command, nothing, packages(repository), (), trouble)


def _named_elsewhere(repository: Repository, target: Target | None, said: list[str]) -> dict[str, int]:
    """What the Makefile, the README and pyproject.toml say of a file counts for it."""
    weights: dict[str, int] = {}
    recipe = target.lines if target is not None else ()
    entries_of = spoken.scripts(repository)
    for name in repository.names:
        if not name.endswith(".py"):
            continue
        if any(spoken.runs_file(line, name) for line in recipe):
            weights[name] = 60
        elif any(spoken.runs_file(line, name) for line in said):
            weights[name] = 25
        module = name.removesuffix(".py").removeprefix("src/").replace("/", ".")
        if any(
            "train" in script and target_.partition(":")[0] == module
            for script, target_ in entries_of.items()
        ):
            weights[name] = weights.get(name, 0) + 40
    return weights


def _add_others(command: Command, weighed: list[Weighed], repository: Repository) -> None:
    for other in weighed[1:4]:
        program = Program((other.source,), ())
        plain = command_of(program, repository, None, []).text
        if plain is not None and plain not in (command.text, *command.others):
            command.others.append(plain)
    for name, target in spoken.scripts(repository).items():
        if "train" in name and name not in command.others:
            command.others.append(name if re.fullmatch(r"[\w.-]+", name) else target)
    for script in shell_scripts(repository)[:1]:
        command.others.append(f"bash {script}")
    del command.others[5:]
