"""A notebook as a command: `train.ipynb -p lr 0.1` runs through papermill, in the job's environment.

What a cell writes is in the log as it comes; the notebook with its outputs lies beside the one that was run.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run.environment import pip

if TYPE_CHECKING:
    from pod_agent.run.environment.kinds.kind import Target

PACKAGES = ("papermill", "ipykernel")
_COMMAND = re.compile(
    r"""^(?P<before>\s*(?:[A-Za-z_]\w*=(?:'[^']*'|"[^"]*"|[^\s'"])*\s+)*)
    (?P<word>'[^']+\.ipynb'|"[^"$`\\]+\.ipynb"|[^\s'"\\$`|;&<>()*?]+\.ipynb)(?P<after>(?:[\s|;&<>].*)?)$""",
    re.VERBOSE | re.DOTALL,
)
_OPTIONS = "--no-progress-bar --stdout-file - --stderr-file -"
_KERNEL = re.compile(r"(?:^|\s)(?:-k|--kernel)(?:\s|=|$)")
_CWD = re.compile(r"(?:^|\s)--cwd(?:\s|=|$)")
_IMPORT = "import importlib.util as u, sys; sys.exit(any(u.find_spec(n) is None for n in sys.argv[1:]))"


def named(command: str) -> str | None:
    """The notebook that a command runs; None where its first word is none."""
    found = _COMMAND.match(command)
    return None if found is None else found["word"].strip("'\"")


def provide(target: Target, folder: Path) -> None:
    """What runs it, where neither the environment nor the image has it."""
    asked = target.work.run(
        [target.program, "-c", _IMPORT, *PACKAGES], cwd=folder, env=target.env, quiet=True
    )
    if not asked.ok:
        pip.install(target, PACKAGES, " and ".join(PACKAGES), folder)


def command_line(command: str, folder: Path) -> str:
    """The command as it is run; one that runs no notebook stays as it is.

    An output of an earlier attempt is put aside under the time of its last change.
    """
    found = _COMMAND.match(command)
    if found is None:
        return command
    name = found["word"].strip("'\"")
    out = f"{name.removesuffix('.ipynb')}.out.ipynb"
    _put_aside(folder / out)
    words = ["python", "-m", "papermill", shlex.quote(name), shlex.quote(out), _OPTIONS]
    if not _CWD.search(found["after"]):
        words.append(f"--cwd {shlex.quote(str(Path(name).parent))}")
    if not _KERNEL.search(found["after"]) and _is_python(folder / name):
        words.append("-k python3")
    return f"{found['before']}{' '.join(words)}{found['after']}"


def _put_aside(path: Path) -> None:
    try:
        when = time.strftime("%Y%m%d-%H%M%S", time.gmtime(path.stat().st_mtime))
        path.rename(path.with_name(f"{path.name.removesuffix('.ipynb')}.{when}.ipynb"))
    except OSError:
        return  # none there; where it cannot be moved, papermill says what it cannot write


def _is_python(path: Path) -> bool:
    """Whether its kernel is a Python one: then the environment's, whatever it was called at home."""
    try:
        told = json.loads(path.read_bytes())
        spec = told.get("metadata", {}).get("kernelspec", {})
        return str(spec.get("language", "python")).lower() == "python"
    except (OSError, ValueError, AttributeError, RecursionError):
        return True  # papermill itself says what is wrong with it
