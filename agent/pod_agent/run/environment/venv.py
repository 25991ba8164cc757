"""Makes the empty environment of a job: it sees the image's packages, and nothing of the agent's.

Not here: what is installed into it, and the mark that says it is complete.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pod_agent.run.environment import pip
from pod_agent.run.environment.kinds.kind import Target
from pod_agent.run.environment.said import last_line
from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.environment.interpreter import Interpreter
    from pod_agent.run.work import Work

_ELSEWHERE = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PYTHONHOME"}


def target(place: Path, python: Interpreter, env: Mapping[str, str], work: Work) -> Target:
    """The environment as installers see it, whether it is there yet or not."""
    own = {name: value for name, value in env.items() if name not in _ELSEWHERE}
    own |= {**variables(place, env), "PIP_USER": "0", "PIP_NO_INPUT": "1"}
    return Target(place, python, own, work)


def make(into: Target) -> None:
    """An environment at its final place, as its scripts hold that path."""
    made = into.work.run(
        [into.python.program, "-m", "venv", "--system-site-packages", "--without-pip", str(into.place)],
        cwd=into.place.parent,
        env={**into.env, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    if not made.ok:
        raise StepFailed(f"cannot make an environment with {into.python.program}: {last_line(made)}")
    _see_parent(into.place, into.python)
    if not into.python.has_pip:
        pip.bring(into)


def variables(place: Path, env: Mapping[str, str]) -> dict[str, str]:
    """What puts a program into the environment, as its activation does."""
    kind = "CONDA_PREFIX" if (place / "conda-meta").is_dir() else "VIRTUAL_ENV"
    return {"PATH": f"{place / 'bin'}:{env.get('PATH', os.defpath)}", kind: str(place)}


def _see_parent(place: Path, python: Interpreter) -> None:
    """Where the image's Python is itself an environment, its packages come after the job's own."""
    if python.packages:
        (site,) = place.glob("lib/python*/site-packages")
        lines = (f"import site; site.addsitedir({name!r})\n" for name in python.packages)
        (site / "podkeep-image.pth").write_text("".join(lines), encoding="utf-8")
