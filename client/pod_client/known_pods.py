"""The pods this laptop started: their tokens and what they last said, in one 0600 file.

The token exists nowhere else but here: the pod has only its hash.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from pod_wire.codec import from_json
from pod_wire.errors import Broken, PodError
from pod_wire.frozen import dataclass
from pod_wire.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMAT = 1
_LOCK_STALE_S = 10.0


@dataclass(frozen=True, slots=True)
class KnownPod:
    """One pod. ``status`` is the last status seen, as the pod sent it; ``token`` is shown by nothing."""

    id: str
    name: str
    job: str
    token: str
    runpod_url: str
    port: int
    is_local: bool
    created_at: float
    status: Mapping[str, object] | None = None
    seen_at: float | None = None
    code: str | None = None  # what it was given of this machine's code, in words

    def __repr__(self) -> str:
        return f"KnownPod(id={self.id!r}, name={self.name!r}, job={self.job!r})"


class KnownPods:
    """pods.json. A change is read, made and written whole under a lock: two commands do not undo each other."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "pods.json"

    def all(self) -> tuple[KnownPod, ...]:
        """Newest first."""
        return tuple(sorted(self._read().values(), key=lambda pod: pod.created_at, reverse=True))

    def find(self, wanted: str) -> KnownPod | None:
        """By id, else by name, else the newest with this job."""
        pods = self.all()
        for match in ("id", "name", "job"):
            found = next((pod for pod in pods if getattr(pod, match) == wanted), None)
            if found is not None:
                return found
        return None

    def keep(self, pod: KnownPod) -> None:
        with self._changing() as pods:
            pods[pod.id] = pod

    def forget(self, pod_id: str) -> None:
        with self._changing() as pods:
            pods.pop(pod_id, None)

    def _read(self) -> dict[str, KnownPod]:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise self._damaged() from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise Broken(
                f"cannot use {self._path}: a newer podkeep wrote it", "update podkeep, or move the file away"
            )
        names = {item.name for item in fields(KnownPod)}
        try:
            entries = document.get("pods", {}).items()
            return {key: KnownPod(**{k: v for k, v in pod.items() if k in names}) for key, pod in entries}
        except (TypeError, AttributeError):
            raise self._damaged() from None

    def _damaged(self) -> Broken:
        return Broken(
            f"cannot read {self._path}: it is damaged", "move it away; tokens in it are lost with it"
        )

    @contextmanager
    def _changing(self) -> Iterator[dict[str, KnownPod]]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _lock(self._path.with_suffix(".lock")):
            pods = self._read()
            yield pods
            document = {"format": FORMAT, "pods": {key: asdict(pod) for key, pod in pods.items()}}
            _replace(self._path, json.dumps(document, indent=1).encode())


def _replace(path: Path, data: bytes) -> None:
    """Mkstemp makes 0600; the rename keeps it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".pods-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise PodError(f"cannot write {path}: {error.strerror}") from None


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """A file made with O_EXCL: the same on every system. One older than ten seconds was left by a killed command."""
    deadline = time.monotonic() + _LOCK_STALE_S + 2
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            break
        except FileExistsError:
            if _age(path) > _LOCK_STALE_S or time.monotonic() > deadline:
                path.unlink(missing_ok=True)
            time.sleep(0.02)
        except OSError as error:
            raise PodError(f"cannot write beside {path}: {error.strerror}") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def last_status(known: KnownPod | None) -> Status | None:
    """What a pod said last, as far as it can still be read."""
    if known is None or known.status is None:
        return None
    try:
        return from_json(Status, known.status)
    except PodError:
        return None
