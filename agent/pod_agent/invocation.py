"""What the container's start command asks for: nothing, a one-shot job, or just waiting. Pure; reads no environment.

``pod-agent run [--repo …] -- cmd`` and any other start command are a job; ``sleep infinity`` and the base image's own
start script are as good as no start command. Two hidden options say where the agent keeps what is not the job's.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pod_wire.errors import BadInput, Mistake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUN_DIR = Path("/run/podkeep")
DISK_DIR = Path("/podkeep")
IDLE_COMMANDS = (("sleep", "infinity"), ("sleep", "inf"), ("tail", "-f", "/dev/null"))
SHELLS = frozenset({"bash", "sh", "/bin/bash", "/bin/sh"})
MOST_SHELL_WORDS = 3  # bash -c "sleep infinity"
START_SCRIPT = "start.sh"
PLACES = {"--run-dir": "run", "--disk-dir": "disk"}
FIELDS = {
    "--job": "POD_JOB",
    "--repo": "POD_REPO",
    "--ref": "POD_REF",
    "--subdir": "POD_SUBDIR",
    "--resume": "POD_RESUME",
    "--checkpoints": "POD_CHECKPOINTS",
    "--requirements": "POD_REQUIREMENTS",
    "--setup": "POD_SETUP",
    "--on-finish": "POD_ON_FINISH",
    "--on-failure": "POD_ON_FAILURE",
    "--max-hours": "POD_MAX_HOURS",
    "--max-restarts": "POD_MAX_RESTARTS",
}


@dataclass(frozen=True, slots=True)
class Invocation:
    """A start command, understood. ``overlay`` wins over the environment's variables of the same name."""

    run_dir: Path = RUN_DIR
    disk_dir: Path = DISK_DIR
    overlay: Mapping[str, str] | None = None  # None: no job in the start command
    mistakes: tuple[Mistake, ...] = ()


def understand(argv: Sequence[str], run_dir: str | None = None, disk_dir: str | None = None) -> Invocation:
    """Read a start command, without the program's own name. The folders are defaults of the hidden options."""
    words = list(argv)
    places = {"run": Path(run_dir or RUN_DIR), "disk": Path(disk_dir or DISK_DIR)}
    while len(words) > 1 and words[0] in PLACES:
        places[PLACES[words[0]]] = Path(words[1])
        words = words[2:]
    if means_waiting(words):
        return Invocation(places["run"], places["disk"])
    if words[0] != "run":
        return Invocation(places["run"], places["disk"], {"POD_COMMAND": shlex.join(words)})
    try:
        return Invocation(places["run"], places["disk"], _one_shot(words[1:]))
    except BadInput as error:
        return Invocation(places["run"], places["disk"], {"POD_COMMAND": ":"}, error.mistakes)


def means_waiting(words: Sequence[str]) -> bool:
    """Whether a start command says nothing: empty, sleeping for ever, or the base image's start script."""
    if not words or tuple(words) in IDLE_COMMANDS:
        return True
    inner = words[-1] if len(words) <= MOST_SHELL_WORDS and words[0] in SHELLS else ""
    if inner and tuple(shlex.split(inner)) in IDLE_COMMANDS:
        return True
    last = inner or (words[0] if len(words) == 1 else "")
    return last.rpartition("/")[2] == START_SCRIPT and last in {f"/{START_SCRIPT}", START_SCRIPT}


def _one_shot(words: list[str]) -> dict[str, str]:
    overlay: dict[str, str] = {}
    while words and words[0] != "--" and words[0].startswith("--"):
        name, equals, value = words[0].partition("=")
        if name not in FIELDS:
            raise _mistake(name, "is no option of `pod-agent run`", f"known: {', '.join(FIELDS)}")
        if not equals and not words[1:]:
            raise _mistake(name, "needs a value", "write it after the option")
        overlay[FIELDS[name]] = value if equals else words[1]
        words = words[1:] if equals else words[2:]
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        raise _mistake("command", "is missing", "write it after --: pod-agent run -- python train.py")
    return overlay | {"POD_COMMAND": words[0] if len(words) == 1 and " " in words[0] else shlex.join(words)}


def _mistake(field: str, problem: str, remedy: str) -> BadInput:
    return BadInput("cannot read the start command", (Mistake(field, problem, remedy),))
