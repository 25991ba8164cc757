"""Who may work on a job's folder: one pod at a time, named in ``owner.json``, which its owner changes every 10 s.

Taken by link(2), so that two pods never both succeed. Another pod's record is stale when it has not *changed* over 60 s
of our own monotonic clock; no clock of another machine is trusted, nor any lock (on network mounts they are local).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput, Conflict
from pod_wire.frozen import dataclass
from pod_wire.routes import FORMAT

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from pod_wire.clock import Clock

FILE = "owner.json"
BEAT_S = 10.0
STALE_S = 60.0
LOOK_S = 1.0
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
log = logging.getLogger("podkeep")


@dataclass(frozen=True, slots=True)
class OwnerRecord:
    pod: str
    boot: str
    nonce: str
    beats: int = 0
    format: int = FORMAT


class Taken(Conflict):
    """Another pod works on this job. Nothing of its folder was touched."""


class Ownership:
    """Our claim to one job's folder."""

    def __init__(self, folder: Path, pod: str, boot: str, clock: Clock) -> None:
        self._path = folder / FILE
        self._clock = clock
        self._record = OwnerRecord(pod, boot, secrets.token_hex(8))

    def take(self) -> str | None:
        """Own the folder. Returns the pod whose stale record was replaced, if any; raises Taken."""
        while True:
            if self._link():
                return None
            seen = self._bytes()
            if seen is None:
                continue
            other = _parse(seen)
            if other is not None and other.pod == self._record.pod:
                self._put()
                return None
            self._watch(seen, other)
            if self._push_aside(seen) and self._link():
                return other.pod if other is not None else "unknown"

    def renew(self) -> str | None:
        """Beat once. Returns the pod that owns the folder now, when it is not us: then nothing was written."""
        seen = self._bytes()
        found = _parse(seen) if seen is not None else None
        if found is not None and found.nonce != self._record.nonce:
            return found.pod
        self._record = replace(self._record, beats=self._record.beats + 1)
        try:
            self._put()
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self._write_over()
        return None

    def release(self) -> None:
        """Let another pod begin at once."""
        seen = self._bytes()
        found = _parse(seen) if seen is not None else None
        if found is not None and found.nonce == self._record.nonce:
            self._path.unlink(missing_ok=True)

    def _watch(self, seen: bytes, other: OwnerRecord | None) -> None:
        """Wait until the record is stale; Taken as soon as it changes."""
        until = self._clock.monotonic() + STALE_S
        while self._clock.monotonic() < until:
            self._clock.sleep(LOOK_S)
            now = self._bytes()
            if now == seen:
                continue
            owner = _parse(now) if now is not None else None
            if now is None or (owner is not None and owner.pod == self._record.pod):
                return
            name = owner.pod if owner is not None else other.pod if other is not None else "another pod"
            raise Taken(
                f"cannot work on this job: pod {name} is working on it",
                f"stop pod {name}, or give this job another POD_JOB",
            )

    def _push_aside(self, seen: bytes) -> bool:
        """Move the stale record away. What was moved is looked at again: somebody may have been quicker."""
        aside = self._path.with_name(f".{FILE}.{self._record.nonce}")
        try:
            self._path.rename(aside)
        except FileNotFoundError:
            return True
        moved = aside.read_bytes()
        if moved != seen:
            with contextlib.suppress(FileExistsError):
                os.link(aside, self._path)
            aside.unlink()
            return False
        aside.unlink()
        return True

    def _link(self) -> bool:
        """Put our record where none is; False when there is one."""
        draft = self._draft()
        try:
            os.link(draft, self._path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            return self._create()
        finally:
            draft.unlink(missing_ok=True)
        return True

    def _create(self) -> bool:
        """Where there are no hard links: the exclusive create, which such mounts do know."""
        try:
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return False
        with os.fdopen(fd, "wb") as file:
            file.write(to_json(self._record) + b"\n")
        return True

    def _write_over(self) -> None:
        """On a full disk there is no room for another file, and a record that stands still is taken for stale."""
        data = to_json(self._record) + b"\n"
        fd = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(fd, data, 0)
            os.ftruncate(fd, len(data))
        finally:
            os.close(fd)

    def _put(self) -> None:
        self._draft().rename(self._path)

    def _draft(self) -> Path:
        draft = self._path.with_name(f".{FILE}.{self._record.nonce}.new")
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(to_json(self._record) + b"\n")
        return draft

    def _bytes(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None


def _parse(data: bytes) -> OwnerRecord | None:
    """A record, or None for what is half written or foreign. A newer format is refused, by name."""
    try:
        return from_json(OwnerRecord, data)
    except BadInput as error:
        if "format is" in error.message:
            raise
        return None


def stay(over: threading.Event, renew: Callable[[], str | None], lost: Callable[[str], None]) -> None:
    """A thread's: beat every ten seconds until ``over``; ``lost`` is told of the pod that has taken the folder."""
    told = ""
    while not over.wait(BEAT_S):
        try:
            other = renew()
        except Exception as error:  # noqa: BLE001 - a thread's top: the next beat tries again
            if str(error) != told:
                log.warning("owner=unrenewed error=%r", str(error))
            told = str(error)
            continue
        if other is not None:
            lost(other)
