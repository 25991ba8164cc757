"""Which kind of pods, from what the command line says: processes of this machine, or containers of an image."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pod_sim.backends.docker import HOST, DockerPods
from pod_sim.backends.docker_engine import Engine
from pod_sim.backends.host import find_unshare
from pod_sim.backends.process import OF_POD, ProcessPods
from pod_sim.environment import of_host, of_host_for_containers, own_venv
from pod_wire.errors import BadInput, Conflict, PodError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_sim.backends.container import Backend
    from pod_sim.state import SimSettings, Store

PROCESS, DOCKER = "process", "docker"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A backend, and what goes with it."""

    backend: Backend
    entrypoint: tuple[str, ...]  # of a pod that asks for none; empty: the image's own
    python: str
    host_environment: Mapping[str, str]
    gateway: str | None = None


def settle(store: Store, backend: str | None, image: str | None, network: str | None) -> SimSettings:
    """What is asked for; else what it was before, so that whoever starts the next simulator meets the same pods."""
    before = store.settings()
    if backend is None:
        return before
    if backend != before.backend and store.load():
        words = {PROCESS: "processes", DOCKER: "containers"}
        raise Conflict(
            f"cannot make {words[backend]} of the pods in {store.folder}: they are {words[before.backend]}",
            f"terminate them first, by --backend {before.backend}; or remove that folder, or pass another --state",
        )
    return replace(before, backend=backend, image=image, network=network)


def must_be_there(entrypoint: Path) -> None:
    if not entrypoint.is_file():
        raise PodError(
            f"cannot use the entrypoint {entrypoint}: there is no such file", "pass --entrypoint PATH"
        )


def process_pods(environ: Mapping[str, str], entrypoint: Path) -> Chosen:
    must_be_there(entrypoint)
    for needed in (entrypoint.resolve(), Path(sys.prefix), Path(sys.base_prefix)):
        if needed.parts[1:2] and needed.parts[1] in OF_POD:
            raise PodError(
                f"cannot use {needed} in process pods: /{needed.parts[1]} is a folder that every pod has for itself",
                "move the checkout to another folder, e.g. below your home",
            )
    backend = ProcessPods(find_unshare(), sys.executable)
    first = ("/bin/bash", str(entrypoint.resolve()))
    return Chosen(backend, first, sys.executable, of_host(environ, own_venv()))


def docker_pods(environ: Mapping[str, str], image: str | None, network: str | None) -> Chosen:
    engine = Engine.at(environ.get("DOCKER_HOST", ""))
    gateway = None if network == HOST else _gateway(engine, network or "bridge")
    if network is None:
        network = "bridge" if gateway is not None and is_here(gateway) else HOST
    elif network != HOST and gateway is None:
        raise BadInput(
            f"cannot put pods on network {network}: the Docker Engine has no such bridge",
            hint="docker network ls lists them; or pass --network host",
        )
    backend = DockerPods(engine, image, network)
    if image is not None:
        backend.pull(image)
    gateway = None if network == HOST else gateway
    return Chosen(backend, (), "", of_host_for_containers(environ, gateway), gateway)


def _gateway(engine: Engine, network: str) -> str | None:
    return gateway_of(engine.call("look for the pods' network", "GET", f"/networks/{network}") or {})


def gateway_of(network: Mapping[str, object]) -> str | None:
    """The engine's side of a bridge, as its description says."""
    match network:
        case {"IPAM": {"Config": [{"Gateway": str(gateway)}, *_]}} if gateway:
            return gateway
        case _:
            return None


def is_here(address: str) -> bool:
    """Whether this machine has it; the engine of another one, or of a virtual one, is not ours to reach."""
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
