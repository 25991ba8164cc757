"""Installs what the job needs into an environment of its own, on the container's disk, named by a hash.

It sees the image's packages, so the image's torch is used where it satisfies the pin. The agent's own
packages are never in it. What carries no mark of completion is removed, never used.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pod_agent.run.environment import commands, git_refs, naming, notebook, setup_command, torch, venv
from pod_agent.run.environment.interpreter import find
from pod_agent.run.environment.naming import MARK
from pod_agent.run.environment.recognise import recognise, unread
from pod_agent.run.work import StepFailed, Work

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.environment.kinds.kind import Target
    from pod_agent.run.environment.packs.shelf import Shelf
    from pod_agent.run.environment.recognise import Found
    from pod_wire.job import JobSpec

KEPT = 3  # complete environments left on the disk


@dataclass(frozen=True, slots=True)
class Installed:
    """The job's environment. ``variables`` go over the job's own; ``hash`` is empty where there is none."""

    hash: str
    variables: Mapping[str, str]
    reused: bool
    seconds: float
    warnings: tuple[str, ...] = ()


def install(
    spec: JobSpec,
    folder: Path,
    envs_dir: Path,
    env: Mapping[str, str],
    work: Work,
    *,
    shelf: Shelf | None = None,
) -> Installed:
    """Have the job's packages: none asked for, those that are there already, a packed copy's, or new ones."""
    try:
        return _install(spec, folder, envs_dir, env, work, shelf=shelf)
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        why = "the container's disk is full" if full else f"{error.filename or envs_dir}: {error.strerror}"
        remedy = "give the pod a larger container disk" if full else "the container's disk must be writable"
        raise StepFailed(f"cannot make the job's environment: {why}", remedy) from error


def _install(
    spec: JobSpec, folder: Path, envs_dir: Path, env: Mapping[str, str], work: Work, *, shelf: Shelf | None
) -> Installed:
    began = time.monotonic()
    found = recognise(spec, folder)
    if found is None:
        unused = unread(spec, folder)
        return Installed("", {"PATH": env.get("PATH", os.defpath)}, reused=True, seconds=0.0, warnings=unused)
    python = find(env, envs_dir, work)
    wanted = found.wanted(spec)
    name, warnings = naming.name_of(wanted, python, envs_dir, env, work)
    into = venv.target(envs_dir / name, python, env, work)
    reused, word = (into.place / MARK).exists(), "reused"
    if reused:
        os.utime(into.place / MARK)
    else:
        word, more = _put(into, found, spec, folder, shelf)
        warnings += more
        naming.mark(into.place, wanted, python)
        _remove_old(envs_dir, into.place)
    seconds = time.monotonic() - began
    work.say(f"podkeep: environment {name} from {found.kind.name} ({found.why}) {word} in {seconds:.2f} s")
    return Installed(name, venv.variables(into.place, env), reused, seconds, warnings)


def _put(
    into: Target, found: Found, spec: JobSpec, folder: Path, shelf: Shelf | None
) -> tuple[str, tuple[str, ...]]:
    """The environment on this disk, whole but for the mark; where that fails, nothing of it is left.

    Returns what was done, in words, and the warnings.
    """
    from pod_agent.run.environment.packs import census, copied  # noqa: PLC0415 - not needed where it is reused

    if into.place.exists():
        _discard(into.place)
    into.place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with git_refs.logged_in(into.env, into.work) as git_env:
            logged_in = replace(into, env=git_env)
            unpacked = shelf is not None and copied.unpack(into, shelf)
            warnings = () if unpacked else _make(logged_in, found, spec, folder)
            if spec.setup:
                setup_command.run(spec.setup, folder, git_env, into.work)
    except BaseException:
        _discard(into.place)
        raise
    size = census.note(into.place).bytes
    return f"{'unpacked' if unpacked else 'made'}, {size / 1e6:.0f} MB,", warnings


def _make(into: Target, found: Found, spec: JobSpec, folder: Path) -> tuple[str, ...]:
    """An environment made anew. What POD_SETUP does comes after it, also after an unpacking."""
    warnings = _build(into, found)
    if notebook.named(spec.command):
        notebook.provide(into, folder)
    if not found.kind.brings_python:
        commands.write(into.place, into.python.sites)
    return warnings


def _build(into: Target, found: Found) -> tuple[str, ...]:
    """Made anew, from the package list."""
    began = time.monotonic()
    into.work.say(f"podkeep: installing {found.kind.name} ({found.why}) with Python {into.python.version}")
    if not found.kind.brings_python:
        venv.make(into)
    warnings = found.kind.install(into)
    seconds = time.monotonic() - began
    about_torch = torch.note(into.place, into.python, seconds, apart=found.kind.brings_python)
    for line in about_torch:
        into.work.say(f"podkeep: {line}")
    return warnings + about_torch


def _discard(place: Path) -> None:
    """Remove an environment, whole or not. Its mark goes first: a kill amid this leaves nothing to trust."""
    (place / MARK).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)


def _remove_old(envs_dir: Path, newest: Path) -> None:
    """Unfinished environments, and complete ones beyond the last few."""
    others = [path for path in envs_dir.iterdir() if path.is_dir() and path != newest]
    complete = [path for path in others if (path / MARK).exists()]
    complete.sort(key=lambda path: (path / MARK).stat().st_mtime, reverse=True)
    for path in others:
        if path not in complete[: KEPT - 1]:
            _discard(path)
