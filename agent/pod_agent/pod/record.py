"""What a pod keeps of itself: which boot was seen last, and the order that stands. Two copies, one of them marks.

The copy on the container's disk is the boot ladder's marker; the one in the workspace outlives a stop. Not here: the
jobs' own records (``run.state``).
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import moment, scribe
from pod_agent.pod.boot import Boot  # noqa: TC001 - read back by codec
from pod_agent.pod.moment import Moment  # noqa: TC001 - the same
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput, PodError
from pod_wire.frozen import dataclass
from pod_wire.job import JobSpec  # noqa: TC001 - the same
from pod_wire.routes import FORMAT

if TYPE_CHECKING:
    from pathlib import Path

MARKER = "boot.json"
MOST_ORDERS = 200


@dataclass(frozen=True, slots=True)
class Accepted:
    """The order that stands. ``env_hash`` is of the environment's spec at that time, "" when it asked for no job."""

    spec: JobSpec
    order: str
    env_hash: str
    given: tuple[str, ...] = ()  # every order id ever accepted
    is_asked: bool = True  # false: the id was made here, for an environment without one
    since: Moment | None = None  # its hours count from then; None: from the boot's beginning


@dataclass(frozen=True, slots=True)
class PodRecord:
    boot: Boot
    accepted: Accepted | None = None
    revision: int = 0
    format: int = FORMAT


def with_order(
    record: PodRecord,
    spec: JobSpec,
    order: str,
    env_hash: str,
    *,
    is_asked: bool = True,
    since: Moment | None = None,
) -> PodRecord:
    given = record.accepted.given if record.accepted is not None else ()
    known = given if order in given else (*given, order)[-MOST_ORDERS:]
    return replace(record, accepted=Accepted(spec, order, env_hash, known, is_asked, since))


def counted_from(accepted: Accepted, boot: Boot, now: Moment) -> float:
    """Since when an order's hours count in this boot, as the wall clock reads it now: not from before the boot."""
    given = accepted.since
    if given is None:
        return boot.booted_at
    ago = now.mono - moment.of_wall(given.wall, given.mono, given.kernel, now)
    return max(boot.booted_at, min(now.wall, now.wall - ago))


class PodRecords:
    """Both copies. The disk's is written first and never waited for; the workspace's through its scribe."""

    def __init__(self, disk: Path, workspace_file: Path, quill: scribe.Scribe) -> None:
        self._disk = disk / MARKER
        self._far = workspace_file
        self._quill = quill
        self._newer: set[Path] = set()  # of a newer podkeep: left untouched
        self.warnings: tuple[str, ...] = ()

    def read(self) -> tuple[PodRecord | None, str | None]:
        """The newest record, and the boot whose name lies on the container's disk."""
        near = self._parse(self._bytes(self._disk), self._disk)
        if near is not None:
            return near, near.boot.id
        try:
            far = self._quill.do("read the pod's record", lambda: self._bytes(self._far))
        except (PodError, OSError) as error:
            self.warnings += (f"the pod's record cannot be read: {error}",)
            return None, None
        return self._parse(far, self._far), None

    def write(self, record: PodRecord) -> PodRecord:
        """Keep it in both places; what cannot be kept in one is a warning."""
        record = replace(record, revision=record.revision + 1)
        data = to_json(record) + b"\n"
        for what, path in (("container's disk", self._disk), ("workspace", self._far)):
            if path in self._newer:
                continue
            try:
                if path is self._disk:
                    _put(path, data)
                else:
                    self._quill.do("keep the pod's record", lambda: _put(self._far, data))
            except (PodError, OSError) as error:
                self.warnings += (f"the pod's record is not on the {what}: {error}",)
        return record

    def _bytes(self, path: Path) -> bytes:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return path.read_bytes()
        return b""

    def _parse(self, data: bytes, path: Path) -> PodRecord | None:
        if not data:
            return None
        try:
            return from_json(PodRecord, data)
        except BadInput as error:
            self.warnings += (f"an earlier record of the pod is not understood: {error.message}",)
            if "format is" in error.message:
                self._newer.add(path)
            return None


def _put(path: Path, data: bytes) -> None:
    scribe.make_folder(path.parent)
    scribe.replace(path, data)
