"""Installs what the job needs into an environment of its own, on the container's disk, named by a hash.

It sees the image's packages, so the image's torch is used where it satisfies the pin. The agent's own
packages are never in it. What carries no mark of completion is removed, never used.
"""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING

from pod_agent.run.environment import naming, venv
from pod_agent.run.environment.interpreter import find
from pod_agent.run.environment.naming import MARK
from pod_agent.run.environment.recognise import recognise, unread
from pod_agent.run.work import StepFailed, Work
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.environment.own_host import OwnHost
    from pod_agent.run.environment.packs.shelf import Shelf
    from pod_wire.job import JobSpec


@dataclass(frozen=True, slots=True)
class Installed:
    """The job's environment. ``variables`` go over the job's own; ``hash`` is empty where there is none."""

    hash: str
    variables: Mapping[str, str]
    reused: bool
    seconds: float
    warnings: tuple[str, ...] = ()
    words: str = "nothing asked for"  # from what, and how


def install(
    spec: JobSpec,
    folder: Path,
    envs_dir: Path,
    env: Mapping[str, str],
    work: Work,
    *,
    shelf: Shelf | None = None,
    own: OwnHost | None = None,
) -> Installed:
    """Have the job's packages: none asked for, those that are there already, a packed copy's, or new ones.

    ``own`` opens the host of the job's repository to what is cloned from there.
    """
    try:
        return _install(spec, folder, envs_dir, env, work, shelf=shelf, own=own)
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        why = "the container's disk is full" if full else f"{error.filename or envs_dir}: {error.strerror}"
        remedy = "give the pod a larger container disk" if full else "the container's disk must be writable"
        raise StepFailed(f"cannot make the job's environment: {why}", remedy) from error


def _install(
    spec: JobSpec,
    folder: Path,
    envs_dir: Path,
    env: Mapping[str, str],
    work: Work,
    *,
    shelf: Shelf | None,
    own: OwnHost | None,
) -> Installed:
    began = time.monotonic()
    found = recognise(spec, folder)
    if found is None:
        unused = unread(spec, folder)
        return Installed("", {"PATH": env.get("PATH", os.defpath)}, reused=True, seconds=0.0, warnings=unused)
    python = find(env, envs_dir, work)
    wanted = found.wanted(spec)
    name, warnings = naming.name_of(wanted, python, envs_dir, env, work, own=own)
    into = venv.target(envs_dir / name, python, env, work)
    reused, word = (into.place / MARK).exists(), "reused"
    if reused:
        os.utime(into.place / MARK)
    else:
        from pod_agent.run.environment import putting  # noqa: PLC0415 - not needed where it is reused

        word, more = putting.put(into, found, spec, folder, shelf, own=own)
        warnings += more
        naming.mark(into.place, wanted, python)
        putting.remove_old(envs_dir, into.place)
    seconds = time.monotonic() - began
    work.say(f"podkeep: environment {name} from {found.kind.name} ({found.why}) {word} in {seconds:.2f} s")
    words = f"{found.kind.name}, {word.rstrip(',')}"  # `made, 35 MB,` is followed by its seconds in the log
    return Installed(name, venv.variables(into.place, env), reused, seconds, warnings, words)
