"""The command that trains: made from the likeliest program, with what the Makefile and the README say of it.

Not here: which program that is (entry.py).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pod_client.init import spoken
from pod_client.init.flags.flag import Style

if TYPE_CHECKING:
    from pod_client.init.flags.flag import Flag
    from pod_client.init.makefile import Target
    from pod_client.init.program import Program
    from pod_client.init.repository import Repository

_RANK = re.compile(r"""environ\[['"](?:LOCAL_RANK|RANK|WORLD_SIZE)['"]\]|init_process_group\(""")
_NAMES = r"""['"](?:LOCAL_RANK|RANK|WORLD_SIZE)['"]"""
_ASKS_RANK = re.compile(
    rf"environ\.get\(\s*{_NAMES}|getenv\(\s*{_NAMES}|{_NAMES}\s+(?:not\s+)?in\s+os\.environ"
    rf"|environ\[{_NAMES}\]\s*=[^=]"
    r"|\bif\s+[^\n]*(?:distributed|ddp|world_size|is_dist)[^\n]*:\n(?:[^\n]*\n){0,12}[^\n]*init_process_group"
)
_SEVERAL = re.compile(r"--nnodes|--node_rank|--master_addr|--machine_rank|CUDA_VISIBLE_DEVICES")
_OTHER = re.compile(r"\bresume|--eval|--test\b|evaluate|--help| -h\b")
TORCHRUN = "torchrun --standalone --nproc_per_node=auto"


@dataclass(slots=True)
class Command:
    """``text`` may be None where nothing was found. ``takes_more``: words may be added at its end."""

    text: str | None
    reason: str = ""
    others: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)  # what the program insists on, and nobody said
    passes: str | None = None  # a variable of make that carries further words
    resumes: str | None = None  # a variable of make that carries the checkpoint
    takes_more: bool = True


def command_of(program: Program, repository: Repository, target: Target | None, said: list[str]) -> Command:
    entry = program.entry.name
    mine = [line for line in said if spoken.runs_file(line, entry)]
    launcher = mine
    mine = [line for line in mine if spoken.is_usable(line) and not _is_other(line)]
    if entry.endswith(".ipynb"):
        return Command(_quoted(entry), f"{entry} is a notebook: it is run through papermill")
    needed = [flag for flag in program.flags if flag.required and flag.place.name == entry]
    plain, reason = _launched(program, repository, launcher)
    by_make = _by_make(program, target)
    if by_make is not None:
        by_make.others += [line for line in (plain, *mine[:2]) if line != by_make.text]
        return by_make
    if needed and mine:
        return Command(
            mine[0], f"so the README runs {entry}", [line for line in mine[1:3] if line != mine[0]]
        )
    found = Command(plain, reason, [line for line in mine[:3] if line != plain])
    found.needs = [_shown(flag) for flag in needed]
    return found


def as_module(name: str, program: Program, repository: Repository) -> str | None:
    """``pkg.train`` for a file that has to be run with -m: it imports its own package, or its neighbours."""
    folder, _, last = name.rpartition("/")
    if not folder:
        return None
    dotted = name.removesuffix("/__main__.py").removesuffix(".py").replace("/", ".")
    imported = {module.split(".")[0] for module in program.entry.imports}
    is_package = f"{folder}/__init__.py" in repository.names
    is_installed = repository.has("pyproject.toml", "setup.py", "setup.cfg") is not None
    if folder.startswith("src/") and is_package and is_installed:
        return dotted.removeprefix("src.")
    top = name.partition("/")[0]
    return dotted if "" in imported or top in imported or last == "__main__.py" else None


def _launched(program: Program, repository: Repository, said: list[str]) -> tuple[str, str]:
    """Plain Python, or the launcher that the code asks for."""
    entry = program.entry.name
    module = as_module(entry, program, repository)
    what = f"-m {module}" if module is not None else _quoted(entry)
    if program.uses("deepspeed") and program.mentions("deepspeed.initialize(", "--local_rank", "local_rank"):
        if program.mentions("deepspeed.initialize("):
            words = f"--module {module}" if module is not None else what
            return f"deepspeed {words}", f"{entry} calls deepspeed.initialize()"
    elif program.uses("accelerate") and any("Accelerator(" in source.text for source in program.sources):
        return f"accelerate launch {what}", f"{entry} makes an Accelerator"
    if _wants_rank(program, said):
        return f"{TORCHRUN} {what}", f"{entry} wants to be started by torchrun"
    subcommand = " fit" if program.mentions("LightningCLI(") else ""
    return f"python {what}{subcommand}", f"{entry} is the likeliest training program here"


def _by_make(program: Program, target: Target | None) -> Command | None:
    """Make's own line where it is one plain command, so that flags can be added; else make itself."""
    if target is None:
        return None
    runs = [line for line in target.lines if spoken.runs_file(line, program.entry.name)]
    plain = target.passes is None and target.resumes is None
    if len(target.lines) == 1 and runs and plain and not re.search(r"[|;&<>$`]", runs[0]):
        return Command(
            runs[0], f"the target {target.name} of {target.place} runs this", [f"make {target.name}"]
        )
    if not runs:
        return None
    reason = f"the target {target.name} of {target.place}"
    return Command(
        f"make {target.name}",
        reason,
        passes=target.passes,
        resumes=target.resumes,
        takes_more=target.passes is not None,
    )


def _is_other(line: str) -> bool:
    """Not a training of one machine from its beginning."""
    return _OTHER.search(line) is not None or _SEVERAL.search(line) is not None


def _wants_rank(program: Program, said: list[str]) -> bool:
    """What its README runs it with decides; else whether the code goes on without the launcher's variables."""
    if said:
        return any("torchrun" in line or "torch.distributed" in line for line in said)
    texts = [source.text for source in program.sources]
    return any(map(_RANK.search, texts)) and not any(map(_ASKS_RANK.search, texts))


def _shown(flag: Flag) -> str:
    return flag.dest.upper() if flag.style is Style.POSITION else flag.name


def _quoted(name: str) -> str:
    return shlex.quote(name)
