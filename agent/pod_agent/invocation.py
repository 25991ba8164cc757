"""What the container's start command asks for: nothing, a one-shot job, or just waiting. Pure; reads no environment.

``pod-agent run [--repo …] -- cmd`` and any other start command are a job; what only waits is as good as none
(``start_command`` reads it). Two hidden options say where the agent keeps what is not the job's.
"""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent import start_command
from pod_agent.start_command import rejoined, shell_text
from pod_wire.errors import Mistake
from pod_wire.frozen import dataclass
from pod_wire.near import distance
from pod_wire.shell_text import shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUN_DIR = Path("/run/podkeep")
DISK_DIR = Path("/podkeep")
OURS = "pod-agent"
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
    "--max-cost": "POD_MAX_COST",
    "--max-restarts": "POD_MAX_RESTARTS",
    "--idle-minutes": "POD_IDLE_MINUTES",
    "--hold-minutes": "POD_HOLD_MINUTES",
    "--signal": "POD_SIGNAL",
}
FLAGS = {"--fresh": "POD_FRESH", "--rehearse": "POD_REHEARSE", "--ephemeral": "POD_EPHEMERAL"}


@dataclass(frozen=True, slots=True)
class Invocation:
    """A start command, understood. ``overlay`` wins over the environment's variables of the same name."""

    run_dir: Path = RUN_DIR
    disk_dir: Path = DISK_DIR
    overlay: Mapping[str, str] | None = None  # None: no job in the start command
    mistakes: tuple[Mistake, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)  # below the environment's
    warnings: tuple[str, ...] = ()
    is_nested: bool = False  # the command is in a shell of its own: nothing can be added at its end
    after: tuple[str, ...] | None = None  # the words of `pod-agent after`


def understand(argv: Sequence[str], run_dir: str | None = None, disk_dir: str | None = None) -> Invocation:
    """Read a start command, without the program's own name. The folders are defaults of the hidden options."""
    words = list(argv)
    places = {"run": Path(run_dir or RUN_DIR), "disk": Path(disk_dir or DISK_DIR)}
    while len(words) > 1 and words[0] in PLACES:
        places[PLACES[words[0]]] = Path(words[1])
        words = words[2:]
    here = Invocation(places["run"], places["disk"])
    words = _ours(words)
    if words[:1] == ["after"]:
        return replace(here, after=tuple(words[1:]))
    if words[:1] == ["run"]:
        return _one_shot(here, words[1:])
    return _with_command(here, {}, words)


def _ours(words: list[str]) -> list[str]:
    """Without our own program's name, also where the whole command is one text."""
    plain = words
    inner = words[0] if len(words) == 1 else shell_text(rejoined(words))
    if inner is not None and not shape(inner).breaks:
        with contextlib.suppress(ValueError):
            plain = shlex.split(inner)
    is_ours = bool(plain) and plain[0].rpartition("/")[2] == OURS
    return plain[1:] if is_ours else words


def _with_command(here: Invocation, overlay: dict[str, str], words: Sequence[str]) -> Invocation:
    command = start_command.read(words)
    if command.text is None:
        return here
    return replace(
        here,
        overlay=overlay | {"POD_COMMAND": command.text},
        defaults={"POD_ON_FINISH": "keep", "POD_ON_FAILURE": "keep"} if command.stays else {},
        warnings=(command.warning,) if command.warning else (),
        is_nested=command.is_nested,
    )


def _one_shot(here: Invocation, words: list[str]) -> Invocation:
    """``run`` with its options. A wrong one is no crash: the job will end *failed* and say so."""
    overlay: dict[str, str] = {}
    mistakes: list[Mistake] = []
    while words and words[0] != "--" and words[0].startswith("-"):
        name, equals, value = words[0].partition("=")
        words = words[1:]
        if name in FLAGS:
            overlay[FLAGS[name]] = value if equals else "1"
        elif name not in FIELDS:
            mistakes.append(Mistake(name, "is no option of `pod-agent run`", _meant(name)))
            words = words[1:] if not equals and words and not words[0].startswith("-") else words
        elif not equals and words[:1] in ([], ["--"]):
            mistakes.append(Mistake(name, "needs a value", "write it after the option"))
        else:
            overlay[FIELDS[name]] = value if equals else words[0]
            words = words if equals else words[1:]
    words = words[1:] if words[:1] == ["--"] else words
    if not " ".join(words).strip():
        mistakes.append(
            Mistake("command", "is missing", "write it after --: pod-agent run -- python train.py")
        )
    if mistakes:
        return replace(here, overlay=overlay | {"POD_COMMAND": ":"}, mistakes=tuple(mistakes))
    found = _with_command(here, overlay, words)
    if found.overlay is None:  # who says `run` means it, also of a command that only waits
        return replace(here, overlay=overlay | {"POD_COMMAND": shlex.join(words)})
    return found


def _meant(name: str) -> str:
    known = (*FIELDS, *FLAGS)
    near = [other for other in known if distance(name.replace("_", "-"), other) <= 2]  # noqa: PLR2004 - as for variables
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
