"""Runs an installer: again with back-off where a network may mend, with its slow builds said, and its end explained.

Not here: which installer with which words (the kinds, ``pip``), and what a refusal means (``refusals``).
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run.environment.refusals import refusal
from pod_agent.run.environment.said import last_line
from pod_agent.run.environment.slow_builds import SlowBuilds
from pod_agent.run.work import Finished, StepFailed
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pod_agent.run.environment.kinds.kind import Target
    from pod_agent.run.environment.refusals import Refusal

PAUSES_S = (5.0, 20.0)  # before the second and the third try; each installer has tried several times by then


@dataclass(frozen=True, slots=True)
class Tried(Finished):
    """An installer's last try: what was found out about it, how often and how long, and the disk after it."""

    evidence: str = ""
    tries: int = 1
    seconds: float = 0.0
    disk: str = ""

    def refusal(self) -> Refusal | None:
        return refusal(self.output.decode("utf-8", "replace") + "\n" + self.evidence)


def run(
    into: Target,
    argv: Sequence[str],
    folder: Path,
    env: Mapping[str, str] | None = None,
    ask: Callable[[Finished], str] = lambda _: "",
) -> Tried:
    """To its end, or to its last try. ``ask`` finds out more about a failure, in the installers' own words."""
    began = time.monotonic()
    tried = Tried(1, b"")
    for number, pause_s in enumerate((*PAUSES_S, None), start=1):
        done = _once(into, argv, folder, into.env if env is None else env)
        disk = "" if done.ok else _disk(into.place, into.env.get("TMPDIR"))
        evidence = "" if done.ok else ask(done)
        seconds = time.monotonic() - began
        tried = Tried(done.code, done.output, done.errors, evidence, number, seconds, disk)
        found = None if done.ok else tried.refusal()
        if found is None or not found.passing or pause_s is None:
            break
        into.work.say(f"podkeep: {found.reason}; trying again in {pause_s:.0f} s")
        into.work.pause(pause_s)
    return tried


def failure(name: str, done: Finished, who: str) -> StepFailed:
    """What a refusal means, in words that name the reason, what was tried, and the remedy."""
    tried = done if isinstance(done, Tried) else Tried(done.code, done.output, done.errors)
    found = tried.refusal()
    if found is None:
        return StepFailed(f"cannot install {name}: {last_line(done)}", f"the log shows what {who} said")
    reason = found.reason
    if "disk is full" in reason and tried.disk:
        reason = f"{reason}: {tried.disk}"
    if found.passing:
        reason = f"{reason}; {who} was run {tried.tries} times over {tried.seconds:.0f} s"
    return StepFailed(f"cannot install {name}: {reason}", found.remedy)


def _once(into: Target, argv: Sequence[str], folder: Path, env: Mapping[str, str]) -> Finished:
    builds = SlowBuilds()

    def hear(data: bytes) -> None:
        for words in builds.hear(data, time.monotonic()):
            into.work.say(f"podkeep: {words}")
            into.work.doing(words)

    try:
        return into.work.run(argv, cwd=folder, env=env, hear=hear)
    finally:
        into.work.doing(None)


def _disk(place: Path, temporary: str | None) -> str:
    """The fullest of the disks that installing writes to, while what it wrote is still there."""
    words = []
    for path in (place, Path(temporary or "/tmp")):  # noqa: S108 - where installers unpack and build
        with contextlib.suppress(OSError):
            found = os.statvfs(path)
            words.append((found.f_bavail * found.f_frsize, path))
    if not words:
        return ""
    free, path = min(words)
    taken = sum(size for size in _sizes(place))
    return f"{free / 1e6:.0f} MB are free at {path}, and what is installed so far takes {taken / 1e6:.0f} MB already"


def _sizes(place: Path) -> list[int]:
    found = []
    for top, _, names in os.walk(place):
        with contextlib.suppress(OSError):
            found += [os.lstat(os.path.join(top, name)).st_size for name in names]  # noqa: PTH118 - hot
    return found
