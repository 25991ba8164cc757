"""Puts an environment on the container's disk: unpacked from its copy, or made from its list; whole or not at all.

Imported only where none is there to be reused. Not here: its name, and the mark that says it is complete.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run.environment import commands, git_refs, notebook, setup_command, torch, venv
from pod_agent.run.environment.naming import MARK
from pod_agent.run.environment.packs import census, copied

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.environment.kinds.kind import Target
    from pod_agent.run.environment.own_host import OwnHost
    from pod_agent.run.environment.packs.shelf import Shelf
    from pod_agent.run.environment.recognise import Found
    from pod_wire.job import JobSpec

KEPT = 3  # complete environments left on the disk


def put(
    into: Target,
    found: Found,
    spec: JobSpec,
    folder: Path,
    shelf: Shelf | None,
    *,
    own: OwnHost | None = None,
) -> tuple[str, tuple[str, ...]]:
    """The environment on this disk, whole but for the mark; where that fails, nothing of it is left.

    Returns what was done, in words, and the warnings.
    """
    if into.place.exists():
        _discard(into.place)
    into.place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with git_refs.logged_in(into.env, into.work, own) as git_env:
            logged_in = replace(into, env=git_env)
            unpacked = shelf is not None and copied.unpack(into, shelf)
            warnings = () if unpacked else _make(logged_in, found, spec, folder)
            if spec.setup:
                setup_command.run(spec.setup, folder, git_env, into.work)
    except BaseException:  # a cancel too
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


def remove_old(envs_dir: Path, newest: Path) -> None:
    """Unfinished environments, and complete ones beyond the last few."""
    others = [path for path in envs_dir.iterdir() if path.is_dir() and path != newest]
    complete = [path for path in others if (path / MARK).exists()]
    complete.sort(key=lambda path: (path / MARK).stat().st_mtime, reverse=True)
    for path in others:
        if path not in complete[: KEPT - 1]:
            _discard(path)
