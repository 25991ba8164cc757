"""pip: how it is called in the job's environment. Not here: what its refusals mean (``refusals``)."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run.work import Finished, StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pod_agent.run.environment.kinds.kind import Target

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
    from pod_agent.run.environment import index_logins, installing  # noqa: PLC0415 - not where all is there

    with index_logins.kept_from(into, words, folder) as (env, told):
        argv = [into.program, "-m", "pip", *_PIP, *told]
        return installing.run(into, argv, folder, env, lambda done: _why_missing(into, done, folder, env))


def _why_missing(into: Target, done: Finished, folder: Path, env: Mapping[str, str]) -> str:
    """A page that cannot be fetched is no error to pip, only a package less. Asked for that page alone, it notes why.

    (Its notes of the whole install would keep the compilers' words from the log.)
    """
    found = re.search(
        r"\(from versions: none\)\s+ERROR: No matching distribution found for ([\w.-]+)", done.text
    )
    if found is None:
        return ""
    notes = Path(tempfile.mkdtemp(prefix=".pip-", dir=into.place.parent))
    try:
        argv = [
            into.program,
            "-m",
            "pip",
            "--log",
            str(notes / "log"),
            _PIP[0],
            "index",
            "versions",
            found[1],
        ]
        if into.work.run(argv, cwd=folder, env=env, quiet=True).ok:
            return f"podkeep: {found[1]} was found when asked for again"
        text = (notes / "log").read_text("utf-8", "replace")
    except OSError:
        return ""
    finally:
        shutil.rmtree(notes, ignore_errors=True)
    lines = [line for line in text.splitlines() if "Could not fetch URL" in line or "Retrying (" in line]
    return "\n".join(lines)


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
    from pod_agent.run.environment import installing  # noqa: PLC0415 - the same

    return installing.failure(name, done, "pip")
