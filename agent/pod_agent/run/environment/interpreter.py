"""The Python that a job's environment is made from: the first python3 on its PATH that is not the agent's.

What it says of itself is kept beside the environments, as asking takes longer than a restart may.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run.environment import distributions
from pod_agent.run.work import StepFailed, Work
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_QUESTION = """
import importlib.util, json, os, sys
def version(name):
    from importlib import metadata
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
apart = sys.prefix != sys.base_prefix
here = os.path.realpath(sys.prefix) + os.sep
seen = [path for path in sys.path if path and os.path.realpath(path).startswith(here)] if apart else []
print(json.dumps({
    "real": os.path.realpath(sys.executable), "version": sys.version.split()[0], "packages": seen,
    "sites": [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))],
    "has_pip": importlib.util.find_spec("pip") is not None, "torch": version("torch"), "prefix": sys.prefix,
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python: the program to call, what it really is, and what it brings."""

    program: str
    real: str
    version: str
    has_pip: bool
    torch: str  # its version, or empty
    packages: tuple[str, ...]  # where it is itself an environment: the folders of its packages
    sites: tuple[str, ...] = ()  # every folder of packages that its environments see

    def brought(self) -> str:
        """A hash of the packages it brings now: an environment made beside other ones is another one."""
        told = "\n".join(distributions.names(self.sites))
        return hashlib.sha256(os.fsencode(told)).hexdigest()[:16]


def find(env: Mapping[str, str], envs_dir: Path, work: Work) -> Interpreter:
    """The interpreter, from what is known of it or by asking it."""
    for program in _programs(env):
        known = _known(program, envs_dir, env) or _asked(program, envs_dir, env, work)
        if known is not None:
            return known
    raise StepFailed(
        "cannot install the job's packages: there is no python3 on its PATH", "use an image with Python"
    )


def _programs(env: Mapping[str, str]) -> Iterator[str]:
    agents = Path(sys.prefix, "bin")
    for name in ("python3", "python"):
        for folder in env.get("PATH", os.defpath).split(os.pathsep):
            path = Path(folder or ".", name)
            apart = sys.prefix == sys.base_prefix or path.parent.absolute() != agents
            if apart and os.access(path, os.X_OK) and path.is_file():
                yield str(path)


def _key(program: str, env: Mapping[str, str]) -> str:
    """What changes when the program does. A script, as pyenv's, leads where a file and a variable beside it say."""
    known = [os.path.realpath(program), env.get("PYENV_VERSION", "")]
    for path in (Path(program), Path(program).parent.parent / "version"):
        with contextlib.suppress(OSError):
            found = path.stat()
            known.append(f"{found.st_ino} {found.st_size} {found.st_mtime_ns}")
    return "\n".join(known)


def _notes(envs_dir: Path) -> Path:
    return envs_dir / "interpreter.json"


def _known(program: str, envs_dir: Path, env: Mapping[str, str]) -> Interpreter | None:
    try:
        told = json.loads(_notes(envs_dir).read_text(encoding="utf-8"))
        if told["key"] != _key(program, env) or told["told"]["program"] != program:
            return None
        return _from(told["told"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _asked(program: str, envs_dir: Path, env: Mapping[str, str], work: Work) -> Interpreter | None:
    told = work.run([program, "-c", _QUESTION], cwd=Path("/"), env=dict(env), capture=True)
    try:
        facts = json.loads(told.output)
    except ValueError:
        return None
    if sys.prefix != sys.base_prefix and facts.get("prefix") == sys.prefix:
        return None  # a link or script that leads to the agent's own
    interpreter = _from({**facts, "program": program})
    envs_dir.mkdir(parents=True, exist_ok=True)
    draft = envs_dir / "interpreter.json.new"
    draft.write_text(json.dumps({"key": _key(program, env), "told": asdict(interpreter)}), encoding="utf-8")
    draft.replace(_notes(envs_dir))
    return interpreter


def _from(told: Mapping[str, object]) -> Interpreter:
    return Interpreter(
        str(told["program"]),
        str(told["real"]),
        str(told["version"]),
        bool(told["has_pip"]),
        str(told["torch"]),
        _texts(told["packages"]),
        _texts(told["sites"]),
    )


def _texts(told: object) -> tuple[str, ...]:
    return tuple(str(name) for name in told) if isinstance(told, list | tuple) else ()
