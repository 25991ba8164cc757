"""Git as package lists name it: what a moving ref points at now, and the logins of what pip and uv clone.

Not here: cloning the job's own code (``pod_agent.run.code``), from which both come.
"""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING

from pod_agent.run.code.git import Git, Shell, surroundings
from pod_agent.run.code.logins import GITHUB, Logins
from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pod_agent.run.work import Work

_SSH_NAMES = ("ssh://git@github.com/", "git@github.com:")
_NOT_FOR_PACKAGES = {"GIT_LFS_SKIP_SMUDGE"}


def points_at(url: str, ref: str, folder: Path, env: Mapping[str, str], work: Work) -> str | None:
    """The commit that a branch or tag of a remote stands for; None where nobody answers."""
    logins = Logins.of(url, env)
    folder.mkdir(parents=True, exist_ok=True)
    with surroundings(env, logins, work) as git_env:
        git = Git(folder, logins.remote(url), Shell(git_env, logins, work, random.random))
        try:
            told = git.reach("ls-remote", "--", git.remote.url, ref)
        except StepFailed:
            return None
    return told.text.split("\t", 1)[0] if told.ok and told.text else None


@contextlib.contextmanager
def logged_in(env: Mapping[str, str], work: Work) -> Iterator[dict[str, str]]:
    """The environment with what the git of an installer needs: the logins the job has anyway, and no prompt.

    GitHub's addresses for ssh are rewritten where its token is there.
    """
    logins = Logins.of("", env)
    with surroundings(env, logins, work) as git_env:
        mine = {
            name: value
            for name, value in git_env.items()
            if name.startswith(("GIT_", "PODKEEP_GIT_")) and name not in _NOT_FOR_PACKAGES
        }
        if logins.at(GITHUB) is not None:
            mine |= _rewritten(int(mine.get("GIT_CONFIG_COUNT", "0")))
        yield {**env, **mine}


def _rewritten(first: int) -> dict[str, str]:
    found = {"GIT_CONFIG_COUNT": str(first + len(_SSH_NAMES))}
    for number, name in enumerate(_SSH_NAMES, first):
        found[f"GIT_CONFIG_KEY_{number}"] = f"url.{GITHUB}/.insteadOf"
        found[f"GIT_CONFIG_VALUE_{number}"] = name
    return found
