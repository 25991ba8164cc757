"""Code from a repository of the Hugging Face Hub, pinned to the commit that its revision means at the first sync.

The Hub's own client does the work, in a program of its own: the agent stays small, and a hang is noticed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import sys
import time
from typing import TYPE_CHECKING

from pod_agent.outputs.came import PLACE, Came, Manifest, digest, lies_there
from pod_agent.run.code.placing import Placing
from pod_agent.run.code.switching import from_git
from pod_agent.run.work import StepFailed
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.work import Finished, Work
    from pod_wire.source import HubPlace, Source

_PROGRAM = "pod_agent.run.code.hub_program"
_WAITS_S = (1.0, 4.0, 15.0)
_NOT_OURS = ("PYTHON", "HF_HUB_ENABLE_", "HF_HUB_OFFLINE", "HF_XET_")  # meant for the job's own Python
_NOT_THEIRS = ("POD_", "GITHUB_", "GH_TOKEN")  # logins of others
_OWN = ".cache/huggingface/"  # where the Hub's client keeps what it needs to go on
_QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_REMEDIES: Mapping[str, tuple[str, str]] = {
    "gated": (
        "its terms were not accepted, or the token may not read it",
        "accept them on the repository's page, and give HF_TOKEN of that account",
    ),
    "missing": (
        "there is no such repository, or it is private",
        "check the name; for a private one give HF_TOKEN with read access",
    ),
    "revision": ("it has no such revision", "name a branch, tag or commit of it behind the @"),
    "denied": ("access was denied", "give HF_TOKEN with read access; it may have expired"),
    "disk": ("the disk is full", "make the pod's volume larger, or remove old files from it"),
    "network": (
        "the Hub cannot be reached",
        "check the pod's network and HF_ENDPOINT, then run the job again",
    ),
}


def bring(
    source: Source, tree: Path, pinned: str | None, env: Mapping[str, str], work: Work
) -> tuple[str, tuple[str, ...]]:
    """Have the repository's files in ``tree``; its commit, and warnings."""
    began = time.monotonic()
    place = source.hub
    if place is None:
        raise StepFailed(f"cannot use {source.text}: it is no repository of the Hub", "check POD_REPO")
    hub = _Hub(place, tree, env, work, source.text)
    commit = pinned or hub.ask("resolve", place.revision or "")
    if lies_there(tree, commit):
        work.say(f"podkeep: {source.text} has not changed: {commit[:12]}")
        return commit, ()
    root = _staging(tree, f"{place.kind}/{place.name}@{commit}")
    hub.ask("fetch", commit, str(root))
    files = _files(root, work)
    if not files:
        raise StepFailed(f"cannot use {source.text}: it is empty", "push your code to it")
    from_git(tree, env, work)
    Placing(tree, work).put(root, Manifest(commit, files))
    shutil.rmtree(root, ignore_errors=True)
    many = f"{len(files)} files in {time.monotonic() - began:.1f} s"
    work.say(f"podkeep: code is {commit[:12]} of {source.text}, {many}")
    return commit, ()


@dataclass(frozen=True, slots=True)
class _Hub:
    """The program, for one repository."""

    place: HubPlace
    tree: Path
    env: Mapping[str, str]
    work: Work
    shown: str

    def ask(self, *words: str) -> str:
        """One answer; tried again where only the network was at fault."""
        argv = [sys.executable, "-m", _PROGRAM, self.place.kind, self.place.name, *words]
        mine = {key: value for key, value in self.env.items() if not key.startswith(_NOT_OURS + _NOT_THEIRS)}
        waits = iter(_WAITS_S)
        while True:
            done = self.work.run(argv, cwd=self.tree, env={**mine, **_QUIET}, capture=True)
            answer = _answer(done.output)
            if "done" in answer:
                return answer["done"]
            wait_s = next(waits, None) if answer.get("trouble") == "network" else None
            if wait_s is None:
                raise self._failure(answer, done)
            self.work.say(f"podkeep: the Hub cannot be reached; trying again in {wait_s:.0f} s")
            self.work.pause(wait_s)

    def _failure(self, answer: Mapping[str, str], done: Finished) -> StepFailed:
        tail = done.errors.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"exit code {done.code}"]
        other = (answer.get("words") or tail[0][:200], "the Hub's client says so")
        reason, remedy = _REMEDIES.get(answer.get("trouble", ""), other)
        return StepFailed(f"cannot fetch {self.shown}: {reason}", remedy)


def _answer(output: bytes) -> dict[str, str]:
    lines = output.strip().splitlines()
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        found = {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _files(root: Path, work: Work) -> dict[str, Came]:
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        seen = path.lstat()
        if stat.S_ISREG(seen.st_mode) and not name.startswith((_OWN, ".podkeep")):
            found[name] = Came(seen.st_size, seen.st_mtime_ns, digest(path))
            work.beat()
    return found


def _staging(tree: Path, what: str) -> Path:
    """Where the Hub's client goes on with just this; what it had of something else goes."""
    root = tree / PLACE / f"hub-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
    for other in (tree / PLACE).glob("hub-*"):
        if other != root:
            shutil.rmtree(other, ignore_errors=True)
    return root
