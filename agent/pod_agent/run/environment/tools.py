"""Programs that only the installing needs (uv, poetry): the image's, or fetched into a folder that is removed after.

They never enter the job's environment, and what they need never meets what the job needs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run.environment import pip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pod_agent.run.environment.kinds.kind import Target

_ALONE = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from {module} import main; sys.argv[0] = {name!r}; sys.exit(main())"
)


def on_path(name: str, into: Target) -> str | None:
    """The image's own, if it has one."""
    return shutil.which(name, path=into.env.get("PATH", os.defpath))


@contextlib.contextmanager
def uv(into: Target) -> Iterator[str]:
    """The program of uv."""
    own = on_path("uv", into)
    if own is not None:
        yield own
        return
    with _fetched(("uv",), into) as folder:
        yield str(folder / "bin" / "uv")


@contextlib.contextmanager
def poetry(into: Target) -> Iterator[Sequence[str]]:
    """The words that begin a call of Poetry which can export its lock."""
    own = on_path("poetry", into)
    if (
        own is not None
        and into.work.run([own, "export", "--help"], cwd=Path("/"), env=into.env, quiet=True).ok
    ):
        yield (own,)
        return
    with _fetched(("poetry", "poetry-plugin-export"), into) as folder:
        code = _ALONE.format(module="poetry.console.application", name="poetry")
        yield (into.python.program, "-S", "-c", code, str(folder))  # -S: of all packages it sees its own only


@contextlib.contextmanager
def _fetched(packages: Sequence[str], into: Target) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".tool-", dir=into.place.parent))
    try:
        into.work.say(f"podkeep: fetching {packages[0]} to read the lock file; it is removed afterwards")
        pip.install(into, ("-q", "--target", str(folder), *packages), packages[0], folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
