"""The git program: how it is called, how it gets its credentials, and what its refusals mean.

Nothing secret enters an argument, a URL or a file: a token goes from the environment to git by a
credential helper.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from pod_agent.run.work import Finished, StepFailed, Work
from pod_wire.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HELPER = (
    '!f() { test "$1" = get && '
    'printf "username=%s\\npassword=%s\\n" "$PODKEEP_GIT_USER" "$PODKEEP_GIT_PASSWORD"; }; f'
)
_WAITS_S = (1.0, 4.0)  # pauses before the second and third try of something that goes over a network

# What git says -> what it means, and what to do. The first that matches wins.
_MEANINGS: tuple[tuple[str, str, str], ...] = (
    (
        r"No space left on device",
        "the disk is full",
        "make the pod's volume larger, or remove old files from it",
    ),
    (
        (
            r"[Aa]uthentication failed|could not read (Username|Password)|prompts disabled|"
            r"Permission denied \(publickey|returned error: 40[13]|Invalid username or|access denied"
        ),
        "access was denied, or there is no such repository",
        "check the address; for a private repository on GitHub give GITHUB_TOKEN with read access",
    ),
    (
        (
            r"[Rr]epository .*not found|does not appear to be a git repo|not a git repository"
            r"|not valid: is this a git|returned error: 404|does not exist"
        ),
        "there is no git repository at that address",
        "check POD_REPO: it is an https:// address or a path that git can clone",
    ),
    (
        (
            r"[Cc]ould not resolve host|Failed to connect|Couldn't connect|Connection (refused|reset)"
            r"|Connection timed out|Operation timed out|unable to access|early EOF|hung up unexpectedly"
            r"|returned error: (429|5\d\d)"
        ),
        "the server cannot be reached",
        "check the address and the pod's network, then run the job again",
    ),
    (
        r"server certificate|SSL",
        "the server's certificate is not trusted",
        "give the image its CA certificate",
    ),
)
_NETWORK = "the server cannot be reached"
_BROKEN = re.compile(
    r"bad object|object file .* is empty|loose object .* corrupt|unable to read (tree|sha1|tip)"
    r"|bad tree object|index file (corrupt|smaller)|bad index file|bad signature"
    r"|invalid object|packfile .* (cannot|does not)"
)


@dataclass(frozen=True, slots=True)
class Remote:
    """Where the code comes from: the address as it may be shown, and a login that may not."""

    url: str
    user: str = ""
    password: Secret | None = None

    @staticmethod
    def parse(repo: str, env: Mapping[str, str]) -> Remote:
        """Take a login out of the address; GitHub's token is used where the address has none."""
        parts = urlsplit(repo)
        if parts.scheme not in {"http", "https"}:
            return Remote(repo)
        host = parts.netloc.rpartition("@")[2]
        clean = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        if parts.username or parts.password:
            return Remote(clean, unquote(parts.username or ""), Secret(unquote(parts.password or "")))
        token = env.get("GITHUB_TOKEN") or env.get("GH_TOKEN") or ""
        if token and parts.scheme == "https" and parts.hostname == "github.com":
            return Remote(clean, "x-access-token", Secret(token))
        return Remote(clean)


@dataclass(frozen=True, slots=True)
class Git:
    """git in one tree, speaking to one remote."""

    tree: Path
    remote: Remote
    env: Mapping[str, str]
    work: Work

    def run(self, *args: str, quiet: bool = False) -> Finished:
        """Its words go into the log; whether it went well is the caller's to ask."""
        return self.work.run(["git", *args], cwd=self.tree, env=self.env, quiet=quiet)

    def ask(self, *args: str) -> Finished:
        """Its answer is returned and kept out of the log."""
        return self.work.run(["git", *args], cwd=self.tree, env=self.env, capture=True)

    def must(self, *args: str) -> Finished:
        """Local work that has to go well."""
        finished = self.run(*args)
        if not finished.ok:
            raise refusal(f"cannot check out {self.remote.url}", finished)
        return finished

    def reach(self, *args: str, capture: bool = False) -> Finished:
        """Something that asks the remote: tried again when only the network was at fault."""
        for wait_s in (*_WAITS_S, None):
            finished = self.ask(*args) if capture else self.run(*args)
            if finished.ok or meaning(finished)[0] != _NETWORK or wait_s is None:
                return finished
            self.work.say(f"podkeep: {self.remote.url} cannot be reached; trying again in {wait_s:.0f} s")
            self.work.pause(wait_s)
        raise AssertionError  # the last turn returns


def meaning(finished: Finished) -> tuple[str, str]:
    """Reason and remedy of a git that failed."""
    text = (finished.errors or finished.output).decode("utf-8", "replace")
    for pattern, reason, remedy in _MEANINGS:
        if re.search(pattern, text):
            return reason, remedy
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    last = telling[-1].split(": ", 1)[-1] if telling else f"git ended with code {finished.code}"
    return last, "the log shows what git said"


class StoreDamaged(StepFailed):
    """git's own store in the tree cannot be read, as after a kill in the middle of a write."""


def refusal(what: str, finished: Finished) -> StepFailed:
    """The failure that a git which did not go well amounts to."""
    text = (finished.errors + finished.output).decode("utf-8", "replace")
    if _BROKEN.search(text):
        return StoreDamaged(f"{what}: the repository's store in the tree is damaged", "remove the tree")
    reason, remedy = meaning(finished)
    return StepFailed(f"{what}: {reason}", remedy)


def is_final(finished: Finished) -> bool:
    """Whether another way of asking the same server is of no use."""
    return not finished.ok and any(meaning(finished)[0] == reason for _, reason, _ in _MEANINGS[:5])


@contextlib.contextmanager
def environment(env: Mapping[str, str], remote: Remote) -> Iterator[dict[str, str]]:
    """What git runs with: never a prompt, trees of other owners accepted, the login by a helper.

    Old gits take safe.directory from a file only, and the far end of a path on the same machine gets no other
    settings; so there is a file for that while git runs. It names no secret.
    """
    with tempfile.TemporaryDirectory(prefix="podkeep-git-") as folder:
        config = Path(folder, "config")
        home = env.get("HOME", "")
        mine = env.get("GIT_CONFIG_GLOBAL") or (f"{home}/.gitconfig" if home else "")
        include = f"[include]\n\tpath = {_quoted(mine)}\n" if mine else ""
        config.write_text(f"{include}[safe]\n\tdirectory = *\n", encoding="utf-8")
        yield {
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new",
            **_without_a_place(env),
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GCM_INTERACTIVE": "never",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_CONFIG_GLOBAL": str(config),
            **_settings(env, remote),
        }


def _settings(env: Mapping[str, str], remote: Remote) -> dict[str, str]:
    pairs = [("gc.auto", "0"), ("maintenance.auto", "false"), ("advice.detachedHead", "false")]
    extra: dict[str, str] = {}
    password = remote.password.reveal() if remote.password else ""
    if remote.user or password:
        parts = urlsplit(remote.url)
        key = f"credential.{parts.scheme}://{parts.netloc}.helper"
        pairs += [(key, ""), (key, _HELPER)]
        extra = {"PODKEEP_GIT_USER": remote.user, "PODKEEP_GIT_PASSWORD": password}
    count = env.get("GIT_CONFIG_COUNT", "0")
    first = int(count) if count.isdigit() else 0
    for number, (key, value) in enumerate(pairs, first):
        extra[f"GIT_CONFIG_KEY_{number}"] = key
        extra[f"GIT_CONFIG_VALUE_{number}"] = value
    return {**extra, "GIT_CONFIG_COUNT": str(first + len(pairs))}


def _without_a_place(env: Mapping[str, str]) -> dict[str, str]:
    """Variables that would point git at another tree than ours."""
    places = {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
    }
    return {name: value for name, value in env.items() if name not in places}


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
