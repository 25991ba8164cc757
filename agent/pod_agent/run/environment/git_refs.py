"""Git as package lists name it: what a moving ref points at now, and the logins of what pip and uv clone.

Not here: cloning the job's own code (``pod_agent.run.code``), from which both come.
"""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run.code.git import Git, Shell, surroundings
from pod_agent.run.code.logins import GITHUB, Logins
from pod_agent.run.environment.own_host import served
from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pod_agent.run.environment.own_host import OwnHost
    from pod_agent.run.work import Work

_NOT_FOR_PACKAGES = {"GIT_LFS_SKIP_SMUDGE"}


def points_at(
    url: str, ref: str, folder: Path, env: Mapping[str, str], work: Work, *, own: OwnHost | None = None
) -> str | None:
    """The commit that a branch or tag of a remote stands for; None where nobody answers."""
    logins = Logins.of(url, env)
    login = own.login(logins) if own else None
    if login is not None:
        logins = replace(logins, known=(*logins.known, login))
    folder.mkdir(parents=True, exist_ok=True)
    with surroundings(env, logins, work) as git_env:
        git = Git(folder, logins.remote(url), Shell(git_env, logins, work, random.random))
        try:
            told = git.reach("ls-remote", "--", git.remote.url, ref)
        except StepFailed:
            return None
    return told.text.split("\t", 1)[0] if told.ok and told.text else None


@contextlib.contextmanager
def logged_in(env: Mapping[str, str], work: Work, own: OwnHost | None = None) -> Iterator[dict[str, str]]:
    """The environment with what the git of an installer needs: the logins the job has anyway, and no prompt.

    With the token of its own repository's host, too. GitHub's addresses for ssh are rewritten where its token is there,
    that host's where there is no key for ssh.
    """
    logins = Logins.of("", env)
    login = own.login(logins) if own else None
    with served(login) as helper, surroundings(env, logins, work, helper) as git_env:
        mine = {
            name: value
            for name, value in git_env.items()
            if name.startswith(("GIT_", "PODKEEP_GIT_")) and name not in _NOT_FOR_PACKAGES
        }
        rewritten = _rewritten(GITHUB) if logins.at(GITHUB) is not None else []
        if login is not None and not logins.has_own_ssh:
            rewritten += _rewritten(login.origin)
        first = int(mine.get("GIT_CONFIG_COUNT", "0"))
        for number, (key, value) in enumerate(rewritten, first):
            mine |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        yield {**env, **mine, "GIT_CONFIG_COUNT": str(first + len(rewritten))}


def _rewritten(origin: str) -> list[tuple[str, str]]:
    host = origin.partition("://")[2]
    names = () if ":" in host else (f"ssh://git@{host}/", f"git@{host}:")
    return [(f"url.{origin}/.insteadOf", name) for name in names]
