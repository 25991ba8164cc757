"""The simulator's folder: one file per pod, replaced atomically, so that a killed simulator loses nothing.

Layout: ``sim.json`` (account key, port), ``server.json`` (while one serves), ``pods/<id>/`` with ``pod.json``, the
mount and the container's disk, ``volumes/<id>/`` for network volumes, ``ledger.jsonl`` of pods that are no more.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_sim.backends import namespaces
from pod_sim.files import give_to_owner, make_for_owner, replace_file, wipe
from pod_sim.keys import new_account_key
from pod_sim.record import PodRecord
from pod_wire.codec import from_json, to_json
from pod_wire.errors import Conflict, Refused

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class SimSettings:
    """What stays the same over restarts: pods keep the address and the keys that they were given."""

    account_key: str
    port: int = 0
    backend: str = "process"  # what its pods are made of, and for containers of which image, on which network
    image: str | None = None
    network: str | None = None
    format: int = 1


class Store:
    """The folder, held by one simulator at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._lock = -1

    def open(self) -> None:
        """Take the folder for this process, or say who has it, or who may."""
        try:
            make_for_owner(self.folder)
            (self.folder / "pods").mkdir(exist_ok=True, mode=0o700)
            next((self.folder / "pods").iterdir(), None)  # another user's are nobody else's
            self.folder.chmod(0o700)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            give_to_owner(self._lock, self.folder)
        except OSError as error:
            self.close()
            raise Refused(
                f"cannot start a simulator on {self.folder}: {error.strerror}",
                "another user's simulator may have made it: run as that user (sudo), or pass another --state",
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise Conflict(
                f"cannot start a simulator on {self.folder}: {self._holder()}",
                "use that one, or another --state",
            ) from None

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def settings(self) -> SimSettings:
        path = self.folder / "sim.json"
        if path.exists():
            return from_json(SimSettings, path.read_bytes())
        fresh = SimSettings(new_account_key())
        replace_file(path, to_json(fresh))
        return fresh

    def keep_settings(self, settings: SimSettings) -> None:
        replace_file(self.folder / "sim.json", to_json(settings))

    def announce(self, url: str, key: str) -> None:
        """Say where this simulator listens; readable by this user only."""
        document = {
            "format": 1,
            "url": url,
            "key": key,
            "pid": os.getpid(),
            "start_time": namespaces.start_time(os.getpid()),
        }
        replace_file(self.folder / "server.json", json.dumps(document).encode())

    def withdraw(self) -> None:
        (self.folder / "server.json").unlink(missing_ok=True)

    def pod_folder(self, pod_id: str) -> Path:
        return self.folder / "pods" / pod_id

    def volume_folder(self, volume_id: str) -> Path:
        return self.folder / "volumes" / volume_id.replace("/", "_").lstrip(".")

    def save(self, record: PodRecord) -> None:
        folder = self.pod_folder(record.id)
        folder.mkdir(exist_ok=True, mode=0o700)
        replace_file(folder / "pod.json", to_json(record))

    def load(self) -> list[PodRecord]:
        """All pods, oldest first. A folder without a record is what a killed create or terminate left: it goes."""
        found = []
        for folder in sorted((self.folder / "pods").iterdir()):
            path = folder / "pod.json"
            if path.exists():
                found.append(from_json(PodRecord, path.read_bytes()))
            else:
                wipe(folder)
        return sorted(found, key=lambda record: record.created_at)

    def forget(self, record: PodRecord, now: float) -> None:
        """Remove a pod for ever, but for a line of what it cost."""
        line = json.dumps(
            {"id": record.id, "name": record.asked.name, "ended": now, "cost": round(record.cost(now), 6)}
        )
        with (self.folder / "ledger.jsonl").open("a") as ledger:
            ledger.write(line + "\n")
        folder = self.pod_folder(record.id)
        (folder / "pod.json").unlink(missing_ok=True)
        wipe(folder)

    def _holder(self) -> str:
        try:
            known = json.loads((self.folder / "server.json").read_bytes())
            return f"pid {known['pid']} already serves it at {known['url']}"
        except (OSError, ValueError, KeyError):
            return "another one is just starting there"
