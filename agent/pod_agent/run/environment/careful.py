"""Variables that images set and a job's environment cannot honour, and caches where they belong.

Three rules. What the user set is never overridden, but for a switch that would end the program. Caches that packages
are linked out of, and those of compilers, lie on the container's disk beside the environments: hard links work there,
and a network mount hates many small files. Downloads of models and data lie on the workspace and outlive the pod.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run.environment.mounts import on_other_mounts
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pod_agent.run.work import Work

_ON = {"1", "on", "yes", "true"}
_LOOK = "import importlib.util, sys; sys.stdout.write(' '.join(n for n in sys.argv[1:] if importlib.util.find_spec(n)))"
_NEAR = {  # variable -> folder below the disk's cache, and the others that say the same thing
    "PIP_CACHE_DIR": ("pip", {"PIP_NO_CACHE_DIR"}),
    "UV_CACHE_DIR": ("uv", {"UV_NO_CACHE"}),
    "TRITON_CACHE_DIR": ("triton", {"TRITON_HOME"}),
    "TORCHINDUCTOR_CACHE_DIR": ("torchinductor", set[str]()),
}
_FAR = {  # the same below the workspace's .cache
    "HF_HUB_CACHE": (
        "huggingface/hub",
        {"HF_HOME", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE", "XDG_CACHE_HOME"},
    ),
    "HF_DATASETS_CACHE": ("huggingface/datasets", {"HF_HOME", "XDG_CACHE_HOME"}),
    "TORCH_HOME": ("torch", {"XDG_CACHE_HOME"}),
}


def caches(env: Mapping[str, str], disk: Path, workspace: Path) -> dict[str, str]:
    """Where caches go, unless the environment says so already. Nothing is made here: each tool makes its own."""
    told = {
        name: str(disk / "cache" / folder)
        for name, (folder, same) in _NEAR.items()
        if not _is_said(env, {name, *same})
    }
    if on_other_mounts(disk, workspace):
        told |= {
            name: str(workspace / ".cache" / folder)
            for name, (folder, same) in _FAR.items()
            if not _is_said(env, {name, *same})
        }
    if not _is_said(env, {"UV_LINK_MODE", "UV_NO_CACHE"}) and _is_far(env.get("UV_CACHE_DIR"), disk):
        told["UV_LINK_MODE"] = "copy"
    return told


def _is_said(env: Mapping[str, str], names: Iterable[str]) -> bool:
    return any(env.get(name) for name in names)


def _is_far(cache: str | None, disk: Path) -> bool:
    """Whether the user's own cache lies where no hard link leads to the environments."""
    if not cache:
        return False
    with suppress(OSError):
        return _existing(Path(cache)).stat().st_dev != _existing(disk).stat().st_dev
    return False


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def unfit(env: Mapping[str, str], folder: Path, work: Work) -> tuple[str, ...]:
    """Names to take out of the job's environment: each makes a program fail for want of a package. Said in the log."""
    asked = {name: package for name, package in _switches(env) if package}
    if not asked:
        return ()
    there = _importable(set(asked.values()), env, folder, work)
    gone = tuple(sorted(name for name, package in asked.items() if package not in there))
    for name in gone:
        work.say(f"podkeep: {name} is unset for the job: its environment has no {asked[name]}")
    return gone


def _switches(env: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Variables that want a package, and the package."""
    if env.get("HF_HUB_ENABLE_HF_TRANSFER", "").strip().lower() in _ON:
        yield "HF_HUB_ENABLE_HF_TRANSFER", "hf_transfer"
    if env.get("MPLBACKEND", "").startswith("module://"):
        yield "MPLBACKEND", env["MPLBACKEND"].removeprefix("module://").partition(".")[0]


def _importable(packages: set[str], env: Mapping[str, str], folder: Path, work: Work) -> set[str]:
    """Those that the job's Python finds; all where it cannot be asked: the job says itself what is wrong then."""
    sites = Path(env.get("VIRTUAL_ENV") or os.devnull).glob("lib/python*/site-packages")
    seen = {name for site in sites for name in packages if (site / name).exists()}
    if seen == packages:
        return packages
    for python in ("python", "python3"):
        with suppress(PodError):
            told = work.run([python, "-c", _LOOK, *sorted(packages)], cwd=folder, env=env, capture=True)
            if told.ok:
                return set(told.text.split())
    return packages
