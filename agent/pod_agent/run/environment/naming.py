"""The name of an environment: a hash of all that it depends on. Reads files; asks the network for moving git refs.

Not here: what a package list depends on (its kind says so).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from pod_agent.run.environment import requirements

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.environment.interpreter import Interpreter
    from pod_agent.run.environment.own_host import OwnHost
    from pod_agent.run.environment.requirements import Wanted
    from pod_agent.run.work import Work

FORMAT = 1
MARK = "podkeep.json"  # written last: an environment without it is not one


def name_of(
    wanted: Wanted,
    python: Interpreter,
    envs_dir: Path,
    env: Mapping[str, str],
    work: Work,
    *,
    own: OwnHost | None = None,
) -> tuple[str, tuple[str, ...]]:
    """The name, and warnings. Refs that nobody resolves now stay where the last environment had them."""
    base = (
        f"{FORMAT}\n{python.real}\n{python.version}\n{python.packages}\n{python.brought()}\n{wanted.digest}\n"
    )
    refs = requirements.resolve(wanted, lambda url, ref: _points_at(url, ref, envs_dir, env, work, own=own))
    unknown = sorted(name for name, commit in refs.items() if commit is None)
    text = base + json.dumps(refs, sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    if not unknown:
        return digest, ()
    said = (f"nobody could say what {', '.join(unknown)} points at now",)
    return _last_like(wanted, python, envs_dir) or digest, said


def _points_at(
    url: str, ref: str, envs_dir: Path, env: Mapping[str, str], work: Work, *, own: OwnHost | None
) -> str | None:
    from pod_agent.run.environment import git_refs  # noqa: PLC0415 - most lists name no branch

    return git_refs.points_at(url, ref, envs_dir, env, work, own=own)


def mark(place: Path, wanted: Wanted, python: Interpreter) -> None:
    """Say that an environment is complete."""
    draft = place / f"{MARK}.new"
    draft.write_text(json.dumps({"format": FORMAT, **_same(wanted, python)}), encoding="utf-8")
    draft.replace(place / MARK)


def _same(wanted: Wanted, python: Interpreter) -> dict[str, str]:
    return {
        "text": wanted.digest,
        "python": python.real,
        "version": python.version,
        "brought": python.brought(),
    }


def _last_like(wanted: Wanted, python: Interpreter, envs_dir: Path) -> str | None:
    """The newest complete environment made from the same text and interpreter."""
    marks = sorted(envs_dir.glob(f"*/{MARK}"), key=lambda mark: mark.stat().st_mtime, reverse=True)
    same = _same(wanted, python)
    return next((path.parent.name for path in marks if same.items() <= _told(path).items()), None)


def _told(path: Path) -> dict[str, object]:
    """What a mark says; nothing where it cannot be read."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
