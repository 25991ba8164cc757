"""pip: how it is called in the job's environment, and what its refusals mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.work import Finished, StepFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pod_agent.run.environment.kinds.kind import Target

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
    (
        r"requires a different Python: (\S+) not in '([^']+)'",
        "the project asks for Python {1} and the image has {0}",
        "use an image with such a Python, or widen requires-python",
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


def run(into: Target, words: Sequence[str], folder: Path) -> Finished:
    """Install what the words say into the environment; pip's own words go into the log."""
    return into.work.run([into.program, "-m", "pip", *_PIP, *words], cwd=folder, env=into.env)


def install(into: Target, words: Sequence[str], what: str, folder: Path) -> None:
    """The same, where a refusal ends the step."""
    done = run(into, words, folder)
    if not done.ok:
        raise failure(what, done)


def bring(into: Target) -> None:
    """Where the image's Python has no pip of its own."""
    words = [into.program, "-m", "ensurepip", "--default-pip"]
    if not into.work.run(words, cwd=into.place, env=into.env).ok:
        raise StepFailed(
            "cannot install packages: the image's Python has neither pip nor ensurepip",
            "use an image with pip (Debian: python3-pip)",
        )


def failure(name: str, done: Finished) -> StepFailed:
    """What a refusal of pip's means, in words that name the remedy."""
    said = meaning(done.output.decode("utf-8", "replace"), _MEANINGS, name)
    return said or StepFailed(f"cannot install {name}: {last_line(done)}", "the log shows what pip said")


def meaning(text: str, meanings: Sequence[tuple[str, str, str]], name: str) -> StepFailed | None:
    """The first of (pattern, reason, remedy) whose pattern is in the text; its groups go into the words."""
    for pattern, reason, remedy in meanings:
        found = re.search(pattern, text)
        if found:
            return StepFailed(f"cannot install {name}: {reason.format(*found.groups())}", remedy)
    return None


def last_line(done: Finished) -> str:
    """What a program said last, or its last error."""
    lines = [line.strip() for line in done.text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("ERROR")] or lines
    return telling[-1].removeprefix("ERROR: ") if telling else f"it ended with code {done.code}"
