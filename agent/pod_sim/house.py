"""What all pods of one simulator share, and how a record becomes the launch of a container."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pod_sim.backends.container import Launch
from pod_sim.environment import of_pod
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from concurrent.futures import Executor

    from pod_sim.backends.container import Backend
    from pod_sim.record import PodRecord
    from pod_sim.state import Store
    from pod_wire.clock import Clock

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL_EPHEMERAL = 32_768
LOWEST_PORT = 20_000
TRIES = 1000


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
    entrypoint: tuple[str, ...]  # of a pod that asks for none; empty where the image has one
    python: str  # that the entrypoint is to use; empty where the image has its own
    host_environment: Mapping[str, str]
    url: str
    pace: Pace
    ports: Ports


def launch(record: PodRecord, house: House) -> Launch:
    """One start of a pod. Makes the folder that will be its mount. Blocks."""
    asked, folder = record.asked, house.store.pod_folder(record.id)
    binds: tuple[tuple[Path, str], ...] = ()
    if asked.mount is not None:
        volume = asked.mount.volume
        place = house.store.volume_folder(volume) if volume else folder / "mount"
        place.mkdir(parents=True, exist_ok=True)
        binds = ((place, asked.mount.path.rstrip("/")),)
    return Launch(
        folder=folder,
        hostname=record.hostname,
        entrypoint=asked.entrypoint or house.entrypoint,
        command=asked.cmd or tuple(asked.args.split()),
        environment=of_pod(record, house.host_environment, house.url, house.python),
        binds=binds,
        generation=record.generation,
        image=asked.image,
        tcp_ports=record.tcp_ports,
    )


def free_port(taken: Collection[int] = ()) -> int:
    """A port that nothing listens on, below those that the kernel gives to outgoing connections."""
    top = int(EPHEMERAL.read_text().split()[0]) if EPHEMERAL.exists() else USUAL_EPHEMERAL
    for _ in range(TRIES):
        port = LOWEST_PORT + secrets.randbelow(max(top, USUAL_EPHEMERAL) - LOWEST_PORT)
        if port not in taken and is_free(port):
            return port
    raise PodError("cannot find a free port on this machine", "end some of the local pods")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Ports:
    """The ports of this machine on which the pods' agents listen: one each, also while they do not listen."""

    def __init__(self) -> None:
        self._by_pod: dict[str, int] = {}

    def fresh(self, pod_id: str) -> int:
        self._by_pod[pod_id] = free_port(set(self._by_pod.values()))
        return self._by_pod[pod_id]

    def keep(self, pod_id: str, port: int) -> None:
        """A pod of an earlier simulator has it already."""
        self._by_pod[pod_id] = port

    def forget(self, pod_id: str) -> None:
        self._by_pod.pop(pod_id, None)
