"""The git program: how it is called, in which surroundings, and how often it is tried.

Nothing secret enters an argument, an address or a file (logins.py); what its failures mean is in faults.py.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run.code.deploy_key import held
from pod_agent.run.code.faults import PASSING, Fault, fault_of, meaning
from pod_agent.run.code.logins import KEPT_FROM_GIT
from pod_agent.run.work import Finished, StepFailed
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pod_agent.run.code.logins import Logins, Remote
    from pod_agent.run.work import Work

WAITS_S = (1.0, 4.0, 15.0)  # pauses before another try; each a quarter more or less
_SSH = (
    "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o ConnectTimeout=30"
    " -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
)
_OURS_ONLY = " -o IdentityFile=none"  # the agent's key and no other: a host takes the first one it knows
_SILENT_S = "120"
_MAY_BE_FULL = frozenset({Fault.UNKNOWN, Fault.CUT, Fault.GARBAGE, Fault.DAMAGED, Fault.READ_ONLY})
_MAY_BE_HERE = frozenset({Fault.UNKNOWN, Fault.CUT, Fault.GARBAGE})  # the far end, or what lies here already
_LITTLE = 64 << 10  # bytes that count as none
_TRY_ANOTHER_WAY = frozenset({Fault.NOT_GIVEN, Fault.UNKNOWN})
_OVERRULED = (  # whatever a repository's own settings say
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.unpackLimit", "1"),  # one pack, not a thousand small files on a network volume
    ("advice.detachedHead", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.sparseCheckout", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
)

_LFS = (  # pointers are checked out, and filled afterwards; empty where git LFS is missing: then they stay
    ("filter.lfs.clean", "git-lfs clean -- %f"),
    ("filter.lfs.smudge", "git-lfs smudge --skip -- %f"),
    ("filter.lfs.process", "git-lfs filter-process --skip"),
    ("filter.lfs.required", "false"),
)


class StoreDamaged(StepFailed):
    """git's own store in the tree cannot be read, as after a kill in the middle of a write."""


@dataclass(frozen=True, slots=True)
class Shell:
    """What every git of one sync shares: surroundings, logins, the step's work, and luck for the pauses."""

    env: Mapping[str, str]
    logins: Logins
    work: Work
    chance: Callable[[], float]  # from 0 to 1

    def say(self, words: str) -> None:
        """One line into the job's log, without any login that a server may have sent back."""
        masked = self.logins.secrets().mask(words.encode("utf-8", "replace"))
        self.work.say(f"podkeep: {masked.decode('utf-8', 'replace')}")


@dataclass(frozen=True, slots=True)
class Git:
    """git in one tree, speaking to one remote."""

    tree: Path
    remote: Remote
    shell: Shell
    inside: str = ""  # the path of a submodule, empty for the job's own repository

    @property
    def label(self) -> str:
        """The remote, in a message."""
        return f"{self.remote.url} (submodule {self.inside})" if self.inside else self.remote.url

    def say(self, words: str) -> None:
        self.shell.say(words)

    def ask(self, *args: str, env: Mapping[str, str] | None = None) -> Finished:
        """Run git; its words are returned and kept out of the log."""
        ceiling = {"GIT_CEILING_DIRECTORIES": str(self.tree.resolve().parent)}
        full = {**self.shell.env, **ceiling, **(env or {})}
        return self.shell.work.run(["git", *args], cwd=self.tree, env=full, capture=True)

    def must(self, *args: str, env: Mapping[str, str] | None = None) -> Finished:
        """Local work that has to go well."""
        finished = self.ask(*args, env=env)
        if finished.ok:
            return finished
        failure = self.refusal(f"cannot check out {self.label}", finished)
        if self.fault(finished) in {Fault.FULL, Fault.READ_ONLY}:
            raise failure
        raise StoreDamaged(failure.message, failure.hint)  # whatever it is, it is here

    def reach(self, *args: str, what: str = "cannot clone") -> Finished:
        """Something that asks the remote, again and again while the network alone is at fault.

        What is not ok then may be tried in another way; where that is of no use, this raises.
        """
        began = time.monotonic()
        for tries, wait_s in enumerate((*WAITS_S, None), 1):
            finished = self.ask(*args)
            fault = Fault.UNKNOWN if finished.ok else self.fault(finished)
            if finished.ok or fault in _TRY_ANOTHER_WAY:
                return finished
            if fault not in PASSING or wait_s is None:
                tried = f" (tried {tries} times over {time.monotonic() - began:.0f} s)" if tries > 1 else ""
                raise self.refusal(f"{what} {self.label}", finished, tried)
            pause_s = wait_s * (0.75 + self.shell.chance() / 2)
            self.say(f"{self.label}: {fault}; trying again in {pause_s:.0f} s")
            self.shell.work.pause(pause_s)
        raise AssertionError  # the last turn returns or raises

    def fault(self, finished: Finished) -> Fault:
        """The kind of failure. A full disk is looked for too: git does not always say why it could not write."""
        found = fault_of(said(finished))
        return Fault.FULL if found in _MAY_BE_FULL and _is_full(self.tree) else found

    def refusal(self, what: str, finished: Finished, tried: str = "") -> StepFailed:
        """The failure that a git which did not go well amounts to."""
        text, fault = said(finished), self.fault(finished)
        for line in _servers_words(text):
            self.say(f"the server says: {line}")
        found = meaning(fault, text, self.remote, self.shell.logins, str(self.tree))
        reason = self._masked(f"{what}: {found.reason}{tried}")
        if fault is Fault.DAMAGED or (fault in _MAY_BE_HERE and not self.ask("fsck", "--no-dangling").ok):
            return StoreDamaged(reason, found.remedy)
        if fault is Fault.UNKNOWN:
            for line in text.splitlines()[-20:]:
                self.say(f"git says: {line}")
        return StepFailed(reason, found.remedy)

    def _masked(self, words: str) -> str:
        return self.shell.logins.secrets().mask(words.encode("utf-8", "replace")).decode("utf-8", "replace")


def _is_full(tree: Path) -> bool:
    try:
        seen = os.statvfs(tree)
    except OSError:
        return False
    return seen.f_bavail * seen.f_frsize < _LITTLE or (seen.f_files > 0 and seen.f_favail == 0)


def said(finished: Finished) -> str:
    """Everything a git that failed has written."""
    return (finished.errors + b"\n" + finished.output).decode("utf-8", "replace")


def _servers_words(text: str) -> list[str]:
    """What the far end wanted a person to read; a few lines at most."""
    lines = [line.removeprefix("remote:").strip() for line in text.splitlines() if line.startswith("remote:")]
    return [line[:300] for line in lines if line.strip("=*- ")][:6]


@contextlib.contextmanager
def surroundings(
    env: Mapping[str, str], logins: Logins, work: Work, helpers: Sequence[tuple[str, str]] = ()
) -> Iterator[dict[str, str]]:
    """What git runs with: never a prompt, trees of other owners accepted, logins by helpers.

    Old gits take safe.directory from a file only, and a submodule's git forgets settings of the environment; so
    there is a file for the time git runs. It names hosts and variables, and no secret. ``helpers``: settings of other
    helpers than the logins'.
    """
    with (
        tempfile.TemporaryDirectory(prefix="podkeep-git-") as folder,
        held(logins.deploy_key, env, work) as key,
    ):
        config = Path(folder, "config")
        home = env.get("HOME", "")
        mine = env.get("GIT_CONFIG_GLOBAL") or (f"{home}/.gitconfig" if home else "")
        include = f"[include]\n\tpath = {_quoted(mine)}\n" if mine else ""
        settings = (*logins.settings(), *helpers)
        config.write_text(f"{include}[safe]\n\tdirectory = *\n{_sections(settings)}", encoding="utf-8")
        yield {
            "GIT_SSH_COMMAND": _SSH + (_OURS_ONLY if key else ""),
            "GIT_HTTP_LOW_SPEED_LIMIT": "1",
            "GIT_HTTP_LOW_SPEED_TIME": _SILENT_S,
            "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
            **_without_a_place(env),
            **key,
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GCM_INTERACTIVE": "never",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_LFS_SKIP_SMUDGE": "1",  # lfs.py brings them afterwards, many at once
            "GIT_CONFIG_GLOBAL": str(config),
            **_overruled(env, settings, has_lfs(env)),
            **logins.variables(),
        }


def _sections(settings: Sequence[tuple[str, str]]) -> str:
    lines = []
    for key, value in settings:
        section, _, rest = key.partition(".")
        subject, _, name = rest.rpartition(".")
        lines.append(f"[{section} {_quoted(subject)}]\n\t{name} = {_quoted(value)}\n")
    return "".join(lines)


def has_lfs(env: Mapping[str, str]) -> bool:
    """Whether git LFS is installed."""
    return shutil.which("git-lfs", path=env.get("PATH", os.defpath)) is not None


def _overruled(env: Mapping[str, str], settings: Sequence[tuple[str, str]], lfs: bool) -> dict[str, str]:
    """Read last of all. The helpers are here again: one of the tree's own settings would be told to store a token."""
    count = env.get("GIT_CONFIG_COUNT", "0")
    first = int(count) if count.isdigit() else 0
    filters = ((key, value if lfs else "") for key, value in _LFS)
    pairs = (*_OVERRULED, *filters, *settings)
    found = {"GIT_CONFIG_COUNT": str(first + len(pairs))}
    for number, (key, value) in enumerate(pairs, first):
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found


def _without_a_place(env: Mapping[str, str]) -> dict[str, str]:
    """Less what points git at another tree, what makes it tell all it sends, and our own logins."""
    places = {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_SHALLOW_FILE",
        *KEPT_FROM_GIT,
    }
    return {
        name: value
        for name, value in env.items()
        if name not in places and not name.startswith(("GIT_TRACE", "GIT_CURL_VERBOSE"))
    }


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
