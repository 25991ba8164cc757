"""Which login goes to which git host, and how git gets it: by a credential helper, from git's own environment.

No login is ever in an address, an argument or a file. A token of one host is given to no other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pod_agent.run.code.address import host_of, is_local, origin_of, ssh_address, without_login
from pod_wire.frozen import dataclass
from pod_wire.masker import Masker
from pod_wire.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

GITHUB = "https://github.com"
KEPT_FROM_GIT = ("GITHUB_TOKEN", "GH_TOKEN", "POD_GIT_TOKEN", "POD_DEPLOY_KEY")
_USERS = {"github.com": "x-access-token", "bitbucket.org": "x-token-auth"}
_PUBLIC = frozenset({"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"})
_GITHUB_TOKENS = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_")  # of a GitHub anywhere
_HELPER = (
    '!f() { test "$1" = get && '
    'printf "username=%s\\npassword=%s\\n" "$PODKEEP_GIT_USER_@" "$PODKEEP_GIT_PASSWORD_@"; }; f'
)


@dataclass(frozen=True, slots=True)
class Login:
    """What opens one host, and which variable it came from."""

    origin: str  # scheme://host[:port]
    user: str
    password: Secret
    source: str


@dataclass(frozen=True, slots=True)
class Remote:
    """Where code comes from: the address as git gets it and a log may hold it."""

    url: str
    login: Login | None = None

    @property
    def host(self) -> str:
        return host_of(self.url)

    @property
    def is_local(self) -> bool:
        return is_local(self.url)


@dataclass(frozen=True, slots=True)
class Logins:
    """Every login that the code's environment and its address hold."""

    known: tuple[Login, ...] = ()
    deploy_key: Secret | None = None
    has_token: bool = False  # POD_GIT_TOKEN was given, though it may have no host to go to
    has_own_ssh: bool = False  # somebody has given ssh a key of its own

    @staticmethod
    def of(repo: str, env: Mapping[str, str]) -> Logins:
        """The address's own login first, then POD_GIT_TOKEN for its host, then GitHub's token for github.com."""
        found: dict[str, Login] = {}
        origin = origin_of(repo)
        token = env.get("POD_GIT_TOKEN", "").strip()
        github = (env.get("GITHUB_TOKEN") or env.get("GH_TOKEN") or "").strip()
        if github:
            source = "GITHUB_TOKEN" if env.get("GITHUB_TOKEN") else "GH_TOKEN"
            found[GITHUB] = Login(GITHUB, "x-access-token", Secret(github), source)
        if token and origin is not None:
            found[origin] = _login(origin, token)
        url, user, password = without_login(repo)
        if user or password:
            at = "/".join(url.split("/", 3)[:3])
            found[at] = Login(at, unquote(user), Secret(unquote(password)), "POD_REPO")
        key = env.get("POD_DEPLOY_KEY", "")
        deploy_key = Secret(key) if key.strip() else None
        return Logins(tuple(found.values()), deploy_key, bool(token), _has_own_ssh(env))

    def remote(self, repo: str, *, inner: bool = False) -> Remote:
        """The address to use: ssh becomes https where a token for that host exists, or no key for ssh.

        A deploy key goes first, but not for a submodule (``inner``): such a key opens one repository only.
        Without any key ssh opens nothing, but the large hosts give what is public to everybody over https.
        """
        url = without_login(repo)[0]
        ssh = ssh_address(repo)
        if ssh is None:
            return Remote(url, self.at(url))
        login = self.at(ssh.as_https)
        if login is not None and (inner or self.deploy_key is None):
            return Remote(ssh.as_https, login)
        if ssh.host in _PUBLIC and ssh.user == "git" and not (self.deploy_key or self.has_own_ssh):
            return Remote(ssh.as_https)
        return Remote(url)

    def at(self, url: str) -> Login | None:
        """The login for the host of this address, if there is one."""
        parts = "/".join(url.split("/", 3)[:3]).lower()
        return next((login for login in self.known if login.origin.lower() == parts), None)

    def secrets(self) -> Masker:
        """What must not be said, whatever a server answers."""
        keys = (self.deploy_key,) if self.deploy_key else ()
        return Masker((*(login.password for login in self.known), *keys))

    def settings(self) -> list[tuple[str, str]]:
        """Settings for the helpers; they hold names of hosts and of variables only."""
        found = []
        for number, login in enumerate(self.known):
            key = f"credential.{login.origin}.helper"
            found += [(key, ""), (key, _HELPER.replace("@", str(number)))]
        return found

    def variables(self) -> dict[str, str]:
        """What the environment of git holds for the helpers."""
        found = {}
        for number, login in enumerate(self.known):
            found[f"PODKEEP_GIT_USER_{number}"] = login.user
            found[f"PODKEEP_GIT_PASSWORD_{number}"] = login.password.reveal()
        return found


def _has_own_ssh(env: Mapping[str, str]) -> bool:
    if any(env.get(name) for name in ("SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_SSH")):
        return True
    folder = Path(env.get("HOME") or "/nonexistent", ".ssh")
    return any(folder.glob("id_*")) or (folder / "config").exists()


def _login(origin: str, token: str) -> Login:
    user, colon, password = token.partition(":")
    if colon:
        return Login(origin, user, Secret(password), "POD_GIT_TOKEN")
    host = origin.partition("://")[2]
    usual = "x-access-token" if token.startswith(_GITHUB_TOKENS) else "oauth2"
    return Login(origin, _USERS.get(host, usual), Secret(token), "POD_GIT_TOKEN")
