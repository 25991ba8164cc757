"""Where a job's record, journal, owner and log lie: in the workspace, or on the container's disk when that cannot be.

Every touch of the workspace goes through the scribe, so that a hung mount costs five seconds once. What the workspace
does not take goes to the disk, and the next write tries the workspace again: the disk is wiped when the pod stops. A
record is read from both places and the newer one counts. Only a job that could not begin lies wholly on the disk.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Deed = Callable[[Path], None]

HOME = ".podkeep"
BALLAST = "ballast"
MOST_MISSED = 1 << 20


class JobFolder:
    """The folder of one job. ``path`` is where it is now."""

    def __init__(self, near: Path, far: Path, quill: scribe.Scribe) -> None:
        self.path = far
        self._near = near  # on the container's disk
        self._far = far  # in the workspace
        self._quill = quill
        self._missed: dict[str, bytes] = {}  # lines that the workspace did not take

    @property
    def is_far(self) -> bool:
        """Whether it is in the workspace."""
        return self.path == self._far

    @property
    def ballast(self) -> Path:
        return self.path / BALLAST

    def probe(self) -> None:
        """Make the folder in the workspace and write there; from now on it is there. OSError or PodError if not."""
        self._quill.do("write to the workspace", lambda: _prove(self._far))
        self.path = self._far

    def fall_back(self) -> None:
        """From now on the container's disk: the workspace's folder is not ours, or takes nothing."""
        self.path = self._near
        with contextlib.suppress(OSError):  # a full disk: whoever writes there next says so
            scribe.make_folder(self._near)

    def read(self, name: str) -> tuple[bytes, ...]:
        """What both places hold under this name; a workspace that does not answer holds nothing."""
        near, far = self._near / name, self._far / name
        found = [_bytes(near)]
        if self.is_far:
            found.append(self._quill.do(f"read {name}", lambda: _bytes(far)))
        return tuple(data for data in found if data)

    def replace(self, name: str, data: bytes) -> None:
        """Write a file whole; on the container's disk when the workspace does not take it."""
        self._put(name, lambda folder: scribe.replace(folder / name, data, ballast=folder / BALLAST))

    def append(self, name: str, line: bytes) -> None:
        """Add a line; in the workspace after those that it did not take."""
        missed = self._missed.get(name, b"") if self.is_far else b""

        def add(folder: Path) -> None:
            lines = missed + line if folder == self._far else line
            scribe.append(folder / name, lines, ballast=folder / BALLAST)

        if self._put(name, add):
            self._missed.pop(name, None)
        elif self.is_far:
            self._missed[name] = (missed + line)[-MOST_MISSED:]

    def _put(self, name: str, deed: Deed) -> bool:
        """True when the workspace has it."""
        if self.is_far:
            try:
                self._quill.do(f"write {name}", lambda: deed(self._far))
            except (PodError, OSError):
                scribe.make_folder(self._near)
            else:
                return True
        deed(self._near)
        return False


class Folders:
    """All jobs' folders of this pod."""

    def __init__(self, workspace: Path, disk: Path, quill: scribe.Scribe) -> None:
        self._workspace = workspace
        self._disk = disk
        self._quill = quill
        self._known: dict[str, JobFolder] = {}

    def of(self, job: str) -> JobFolder:
        """The same folder for the same name, so that what has fallen back stays so."""
        if job not in self._known:
            near = self._disk / "jobs" / job
            far = self._workspace / HOME / "jobs" / job
            self._known[job] = JobFolder(near, far, self._quill)
        return self._known[job]


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _prove(folder: Path) -> None:
    home = folder.parent.parent
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    scribe.make_folder(folder)
    probe = folder / ".probe"
    scribe.replace(probe, b"podkeep\n", ballast=folder / BALLAST)
    probe.unlink()
