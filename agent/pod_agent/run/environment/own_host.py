"""POD_GIT_TOKEN for what pip and uv clone: for the host of the job's repository, and for no other.

git reads it out of the agent's memory by a credential helper; it is in no variable that the installers' builds inherit.
Not here: the logins that the job has itself (``code/logins``).
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass
from pod_wire.source import SourceKind, read_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_agent.run.code.logins import Login, Logins
    from pod_wire.secrets import Secret


@dataclass(frozen=True, slots=True)
class OwnHost:
    """The job's repository, and the token of its host."""

    repo: str
    token: Secret

    def login(self, known: Logins) -> Login | None:
        """None where the host is not git's, or has a login that the job itself has anyway."""
        from pod_agent.run.code.logins import Logins  # noqa: PLC0415 - a restart has no time for it

        if read_source(self.repo).kind is not SourceKind.GIT:
            return None
        mine = Logins.of(self.repo, {"POD_GIT_TOKEN": self.token.reveal()}).known
        found = next((login for login in mine if login.source == "POD_GIT_TOKEN"), None)
        return None if found is None or known.at(found.origin) else found


@contextlib.contextmanager
def served(login: Login | None) -> Iterator[list[tuple[str, str]]]:
    """The settings with which git finds this login, for as long as this lasts. They hold no secret."""
    if login is None:
        yield []
        return
    fd = os.memfd_create("git-login")
    try:
        os.write(fd, f"username={login.user}\npassword={login.password.reveal()}\n".encode())
        key = f"credential.{login.origin}.helper"
        yield [(key, ""), (key, f'!f() {{ test "$1" = get && cat /proc/{os.getpid()}/fd/{fd}; }}; f')]
    finally:
        os.close(fd)
