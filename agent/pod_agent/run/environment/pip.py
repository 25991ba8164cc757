"""pip: how it is called in the job's environment, and what its refusals mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.work import Finished, StepFailed, Work

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MEANINGS = (
    (r"No space left on device", "the container's disk is full", "give the pod a larger container disk"),
    (
        r"(?:NewConnectionError|ConnectTimeout|Max retries|NameResolution|Connection refused|ReadTimeout)",
        "the package index cannot be reached",
        "check the pod's network and PIP_INDEX_URL, then run the job again",
    ),
    (
        r"No matching distribution found for ([^\s(]+)",
        "there is no {0} for this Python and platform",
        "check the name and the version in the requirements file",
    ),
    (
        r"ResolutionImpossible|conflicting dependencies",
        "its pins contradict each other",
        "the log names them; loosen one",
    ),
    (
        r"Could not open requirements file.*'([^']+)'",
        "{0} does not exist",
        "check the path after -r or -c in the requirements file",
    ),
    (r"Invalid requirement: (.+?)(?:: |$)", "{0} is not a requirement", "correct that line"),
    (
        r"(?:Failed building wheel|Could not build wheels|failed-wheel-build-for-install).*",
        "a package could not be built from its sources",
        "the log shows the compiler's words; pin a version that has a wheel for this Python",
    ),
)


# Byte code is left to the first import: compiling all of it takes longer than installing it.
_PIP = (
    "--disable-pip-version-check",
    "install",
    "--no-compile",
    "--progress-bar=off",
    "--no-warn-script-location",
)


def install(program: str, path: Path, folder: Path, env: Mapping[str, str], work: Work) -> None:
    """Install a requirements file with this Python; its words go into the log."""
    done = work.run([program, "-m", "pip", *_PIP, "-r", str(path)], cwd=folder, env=env)
    if not done.ok:
        raise _failure(path, done)


def bring(program: str, folder: Path, env: Mapping[str, str], work: Work) -> None:
    """Where the image's Python has no pip of its own."""
    brought = work.run([program, "-m", "ensurepip", "--default-pip"], cwd=folder, env=env)
    if not brought.ok:
        raise StepFailed(
            "cannot install packages: the image's Python has neither pip nor ensurepip",
            "use an image with pip (Debian: python3-pip)",
        )


def _failure(path: Path, done: Finished) -> StepFailed:
    text = done.output.decode("utf-8", "replace")
    what = f"cannot install {path.name}"
    for pattern, reason, remedy in _MEANINGS:
        found = re.search(pattern, text)
        if found:
            return StepFailed(f"{what}: {reason.format(*found.groups())}", remedy)
    return StepFailed(f"{what}: {last_line(done)}", "the log shows what pip said")


def last_line(done: Finished) -> str:
    """What a program said last, or its last error."""
    lines = [line.strip() for line in done.text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("ERROR")] or lines
    return telling[-1].removeprefix("ERROR: ") if telling else f"it ended with code {done.code}"
