"""What all pods of one simulator share, and how a record becomes the launch of a container."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_sim.backends.process import Launch
from pod_sim.environment import of_pod

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor
    from pathlib import Path

    from pod_sim.backends.process import Backend
    from pod_sim.record import PodRecord
    from pod_sim.state import Store
    from pod_wire.clock import Clock


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds."""

    provisioning: float = 0.1
    starting: float = 0.1
    grace: float = 5.0  # between SIGTERM and SIGKILL
    restart: float = 0.25  # after the start command has exited


@dataclass(frozen=True, slots=True)
class House:
    """Where pods are kept, what makes them, and what they get of this machine."""

    store: Store
    backend: Backend
    clock: Clock
    threads: Executor
    entrypoint: Path
    python: str
    host_environment: Mapping[str, str]
    url: str
    pace: Pace


def launch(record: PodRecord, house: House) -> Launch:
    """One start of a pod. Makes the folders that it will see as its own. Blocks."""
    asked, folder = record.asked, house.store.pod_folder(record.id)
    disk = folder / "disk"
    places = {"/run": disk / "run", "/workspace": disk / "workspace", "/podkeep": disk / "podkeep"}
    if asked.mount is not None:
        volume = asked.mount.volume
        places[asked.mount.path.rstrip("/")] = (
            house.store.volume_folder(volume) if volume else folder / "mount"
        )
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    first = asked.entrypoint or ("/bin/bash", str(house.entrypoint))
    return Launch(
        folder=folder,
        hostname=record.hostname,
        argv=(*first, *(asked.cmd or asked.args.split())),
        environment=of_pod(record, house.host_environment, house.url, house.python),
        binds=tuple((source, target) for target, source in places.items()),
        generation=record.generation,
    )


def free_port() -> int:
    """A TCP port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
