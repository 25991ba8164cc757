"""Installs what the job needs into an environment of its own, on the container's disk, named by a hash.

It sees the image's packages, so the image's torch is used where it satisfies the pin. The agent's own
packages are never in it. What carries no mark of completion is removed, never used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_agent.run.code import git
from pod_agent.run.environment import pip, requirements
from pod_agent.run.environment.interpreter import Interpreter, find
from pod_agent.run.work import StepFailed, Work

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.environment.requirements import Wanted
    from pod_wire.job import JobSpec

MARK = "podkeep.json"  # written last: an environment without it is not one
KEPT = 3  # complete environments left on the disk
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Installed:
    """The job's environment. ``variables`` go over the job's own; ``hash`` is empty where there is none."""

    hash: str
    variables: Mapping[str, str]
    reused: bool
    seconds: float
    warnings: tuple[str, ...] = ()


def install(spec: JobSpec, folder: Path, envs_dir: Path, env: Mapping[str, str], work: Work) -> Installed:
    """Have the job's packages: none asked for, an environment that is there already, or a new one."""
    began = time.monotonic()
    path = _file(spec, folder)
    if path is None:
        return Installed("", {"PATH": env.get("PATH", os.defpath)}, reused=True, seconds=0.0)
    python = find(env, envs_dir, work)
    wanted = requirements.read(path, folder)
    digest, warnings = _digest(wanted, python, envs_dir, env, work)
    place = envs_dir / digest
    reused = (place / MARK).exists()
    if reused:
        os.utime(place / MARK)
    else:
        warnings += _build(place, python, path, folder=folder, env=env, work=work)
        _mark(place, wanted, python)
        _remove_old(envs_dir, place)
    seconds = time.monotonic() - began
    word = "reused" if reused else f"made, {_megabytes(place):.0f} MB,"
    work.say(f"podkeep: environment {digest} {word} in {seconds:.2f} s")
    return Installed(digest, _variables(place, env), reused, seconds, warnings)


def _file(spec: JobSpec, folder: Path) -> Path | None:
    if spec.requirements == "":
        return None
    path = folder / (spec.requirements or "requirements.txt")
    if path.is_file():
        return path
    if spec.requirements is None:
        return None
    raise StepFailed(
        f"cannot install {spec.requirements}: there is no such file in {folder}",
        "check POD_REQUIREMENTS; it is a path below the folder the command runs in",
    )


def _digest(
    wanted: Wanted, python: Interpreter, envs_dir: Path, env: Mapping[str, str], work: Work
) -> tuple[str, tuple[str, ...]]:
    """The environment's name. Refs that nobody resolves now stay where the last environment had them."""
    base = f"{_FORMAT}\n{python.real}\n{python.version}\n{python.packages}\n{wanted.digest}\n"
    refs = requirements.resolve(wanted, lambda url, ref: _remote_ref(url, ref, envs_dir, env, work))
    unknown = sorted(name for name, commit in refs.items() if commit is None)
    text = base + json.dumps(refs, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    if not unknown:
        return digest, ()
    said = (f"nobody could say what {', '.join(unknown)} points at now",)
    return _last_like(wanted, python, envs_dir) or digest, said


def _remote_ref(url: str, ref: str, envs_dir: Path, env: Mapping[str, str], work: Work) -> str | None:
    remote = git.Remote.parse(url, env)
    envs_dir.mkdir(parents=True, exist_ok=True)
    with git.environment(env, remote) as git_env:
        told = git.Git(envs_dir, remote, git_env, work).reach(
            "ls-remote", "--", remote.url, ref, capture=True
        )
    return told.text.split("\t", 1)[0] if told.ok and told.text else None


def _last_like(wanted: Wanted, python: Interpreter, envs_dir: Path) -> str | None:
    """The newest complete environment made from the same text and interpreter."""
    marks = sorted(envs_dir.glob(f"*/{MARK}"), key=lambda mark: mark.stat().st_mtime, reverse=True)
    same = {"text": wanted.digest, "python": python.real, "version": python.version}
    for mark in marks:
        told = json.loads(mark.read_text(encoding="utf-8"))
        if all(told.get(key) == value for key, value in same.items()):
            return mark.parent.name
    return None


def _build(
    place: Path, python: Interpreter, path: Path, *, folder: Path, env: Mapping[str, str], work: Work
) -> tuple[str, ...]:
    """An environment at its final place, as its scripts hold that path; the mark is the caller's to write."""
    _clear(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StepFailed(
            f"cannot make {place.parent}: {error.strerror}", "the disk must be writable"
        ) from error
    work.say(f"podkeep: installing {path.name} with Python {python.version}")
    quiet_env = {**env, "PYTHONDONTWRITEBYTECODE": "1"}
    made = work.run(
        [python.program, "-m", "venv", "--system-site-packages", "--without-pip", str(place)],
        cwd=folder,
        env=quiet_env,
    )
    if not made.ok:
        raise StepFailed(f"cannot make an environment with {python.program}: {pip.last_line(made)}")
    _see_parent(place, python)
    elsewhere = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME"}
    own = {name: value for name, value in env.items() if name not in elsewhere}
    own |= {**_variables(place, env), "PIP_USER": "0", "PIP_NO_INPUT": "1"}
    program = str(place / "bin" / "python")
    try:
        if not python.has_pip:
            pip.bring(program, folder, own, work)
        pip.install(program, path, folder, own, work)
    except StepFailed:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return _torch_note(place, python)


def _see_parent(place: Path, python: Interpreter) -> None:
    """Where the image's Python is itself an environment, its packages come after the job's own."""
    if python.packages:
        (site,) = place.glob("lib/python*/site-packages")
        (site / "podkeep-image.pth").write_text("".join(f"{name}\n" for name in python.packages))


def _torch_note(place: Path, python: Interpreter) -> tuple[str, ...]:
    found = sorted(place.glob("lib/python*/site-packages/torch-*.dist-info"))
    if not found or not python.torch:
        return ()
    mine = found[-1].name.removesuffix(".dist-info").removeprefix("torch-")
    return (f"the image's torch {python.torch} did not satisfy the requirements; torch {mine} was installed",)


def _variables(place: Path, env: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": f"{place / 'bin'}:{env.get('PATH', os.defpath)}", "VIRTUAL_ENV": str(place)}


def _mark(place: Path, wanted: Wanted, python: Interpreter) -> None:
    told = {"format": _FORMAT, "text": wanted.digest, "python": python.real, "version": python.version}
    draft = place / f"{MARK}.new"
    draft.write_text(json.dumps(told), encoding="utf-8")
    draft.replace(place / MARK)


def _clear(place: Path) -> None:
    if place.exists():
        shutil.rmtree(place)


def _remove_old(envs_dir: Path, newest: Path) -> None:
    """Unfinished environments, and complete ones beyond the last few."""
    others = [path for path in envs_dir.iterdir() if path.is_dir() and path != newest]
    complete = [path for path in others if (path / MARK).exists()]
    complete.sort(key=lambda path: (path / MARK).stat().st_mtime, reverse=True)
    for path in others:
        if path not in complete[: KEPT - 1]:
            shutil.rmtree(path, ignore_errors=True)


def _megabytes(place: Path) -> float:
    total = 0
    for top, _, names in os.walk(place):
        total += sum(os.lstat(os.path.join(top, name)).st_size for name in names)  # noqa: PTH118 - hot
    return total / 1e6
