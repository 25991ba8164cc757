"""Pods as containers of a real image, on the Docker Engine of this machine.

A container is stopped and signalled by its host pid, as a process pod is; the engine makes it, keeps its output and its
layer. One container per pod, named after it and labelled with the pod's folder.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pod_sim.backends import namespaces
from pod_sim.backends.container import Container, end
from pod_sim.backends.docker_console import MARK, Pump
from pod_wire.errors import Broken, NotFound

if TYPE_CHECKING:
    from pathlib import Path

    from pod_sim.backends.container import Launch
    from pod_sim.backends.docker_engine import Engine

LABEL = "podkeep.pod"
HOST = "host"  # the network of this machine; any other name is a bridge
TOP_PORT = 65_535
OUTPUT_TIMEOUT_S = 30.0
NOTICE_S = 5.0


class DockerPods:
    """``image`` stands in for whatever image a pod asks for; ``network`` is "host" or a bridge's name."""

    def __init__(
        self, engine: Engine, image: str | None, network: str, *, notice_s: float = NOTICE_S
    ) -> None:
        self._engine = engine
        self._notice_s = notice_s
        self._image = image
        self._network = network
        self._pumps: dict[Path, Pump] = {}

    @property
    def takes_images(self) -> bool:
        return True

    @property
    def shares_network(self) -> bool:
        return self._network == HOST

    def pull(self, image: str) -> str:
        wanted = self._image or image
        found = self._engine.call(f"look for image {wanted}", "GET", f"/images/{wanted}/json")
        if found is None:
            raise NotFound(
                f"cannot start the container: image {wanted} is not on this machine",
                f"bring it (docker pull {wanted}), or start the simulator with --image NAME",
            )
        return f"image {wanted} is on this machine: {found.get('Id')}"

    def start(self, launch: Launch) -> Container:
        if self._inspect(launch.folder) is None:
            self._create(launch)
        self._hear_out(launch.folder, self._pumps.get(launch.folder))  # of the start before this one
        try:
            return self._container(self._begin(launch.folder), launch.folder, launch.generation)
        except Broken:
            self.wipe(launch.folder)  # else a later start would find this one's variables
            raise

    def find(self, folder: Path, generation: int) -> Container | None:
        known = self._inspect(folder)
        if known is None:
            return None
        found = self._container(known, folder, generation)
        return found if found.is_alive() else None

    def stop(self, container: Container, folder: Path, grace_s: float) -> None:
        pump = self._pumps.get(folder)
        end(container, grace_s)
        name = name_of(folder)
        self._engine.call("wait for the container's end", "POST", f"/containers/{name}/wait")
        self._hear_out(folder, pump)

    def wipe(self, folder: Path) -> None:
        known = self._inspect(folder)
        if known is not None:
            name = name_of(folder)
            self._engine.call("end the container", "POST", f"/containers/{name}/stop", t="0")
            self._hear_out(folder, self._pump(known, folder))
            self._engine.call("remove the container", "DELETE", f"/containers/{name}", force="1", v="1")
        (folder / MARK).unlink(missing_ok=True)

    def _create(self, launch: Launch) -> None:
        self._engine.call(
            "create the container",
            "POST",
            "/containers/create",
            describe(launch, self._image or launch.image, self._network),
            is_needed=True,
            name=name_of(launch.folder),
        )

    def _begin(self, folder: Path) -> dict[str, object]:
        """Start it; as the engine knows it then."""
        path = f"/containers/{name_of(folder)}/start"
        self._engine.call("start the container", "POST", path, is_needed=True)
        found = self._inspect(folder)
        if found is None:
            raise Broken("cannot start the container: somebody removed it")
        return found

    def _inspect(self, folder: Path) -> dict[str, object] | None:
        """The pod's container as the engine knows it; one that only bears its name is not it."""
        found = self._engine.call("look for the container", "GET", f"/containers/{name_of(folder)}/json")
        if found is None or _inner(found, "Config", "Labels").get(LABEL) != str(folder):
            return None
        return found

    def _container(self, known: dict[str, object], folder: Path, generation: int) -> Container:
        """As its processes are seen from here. One that has ended already is none that lives."""
        self._pump(known, folder)
        pid = _pid(known)
        started = namespaces.start_time(pid)
        if started is None or namespaces.inside_pid(pid) != 1:  # gone, or somebody else's by its number
            self._must_have_ended(folder, pid)
            return Container(0, 0, "", generation)
        namespace = namespaces.namespace_of(pid)
        if namespace is None:
            raise Broken(
                "cannot look into the container: its processes are not this user's",
                "run the simulator as root, on the machine of the Docker Engine",
            )
        address = _inner(known, "NetworkSettings", "Networks", self._network).get("IPAddress")
        return Container(pid, started, namespace, generation, str(address) if address else "127.0.0.1")

    def _must_have_ended(self, folder: Path, pid: int) -> None:
        """The engine notices an end a moment later; what it goes on to call alive is alive on another machine."""
        until = time.monotonic() + self._notice_s
        while pid and (known := self._inspect(folder)) is not None and _pid(known) == pid:
            if time.monotonic() > until:
                raise Broken(
                    "cannot look into the container: its processes are not on this machine",
                    "run the simulator on the machine of the Docker Engine, in no container itself",
                )
            time.sleep(self._notice_s / 50)

    def _pump(self, known: dict[str, object], folder: Path) -> Pump:
        pump = self._pumps.get(folder)
        if pump is None or not pump.is_alive():
            pump = self._pumps[folder] = Pump(self._engine, str(known.get("Id")), folder)
            pump.start()
        return pump

    def _hear_out(self, folder: Path, pump: Pump | None) -> None:
        """Wait until the container's last words are on the console."""
        if pump is not None:
            pump.join(OUTPUT_TIMEOUT_S)
            if self._pumps.get(folder) is pump:
                self._pumps.pop(folder, None)


def _pid(known: dict[str, object]) -> int:
    """PID 1 of a container that runs; 0 of one that does not."""
    pid = _inner(known, "State").get("Pid")
    return pid if isinstance(pid, int) else 0


def name_of(folder: Path) -> str:
    return f"podkeep-{folder.name}"


def describe(launch: Launch, image: str, network: str) -> dict[str, object]:
    """The engine's words for a launch."""
    inside = {
        port: int(port) if int(port) <= TOP_PORT else outside for port, outside in launch.tcp_ports.items()
    }
    published = {f"{inside[port]}/tcp": outside for port, outside in launch.tcp_ports.items()}
    is_bridge = network != HOST
    body: dict[str, object] = {
        "Image": image,
        "Hostname": launch.hostname,
        "Env": [f"{name}={value}" for name, value in launch.environment.items()],
        "Cmd": list(launch.command) or None,
        "Labels": {LABEL: str(launch.folder)},
        "ExposedPorts": {port: {} for port in published} if is_bridge else {},
        "HostConfig": {
            "NetworkMode": network,
            "Mounts": [{"Type": "bind", "Source": str(at), "Target": to} for at, to in launch.binds],
            "PortBindings": {
                port: [{"HostIp": "127.0.0.1", "HostPort": str(outside)}]
                for port, outside in published.items()
            }
            if is_bridge
            else {},
            "LogConfig": {"Type": "json-file", "Config": {}},
            "RestartPolicy": {"Name": "no"},
        },
    }
    return body | ({"Entrypoint": list(launch.entrypoint)} if launch.entrypoint else {})


def _inner(known: dict[str, object], *names: str) -> dict[str, object]:
    """What lies under these names; nothing where there is no such thing."""
    here: object = known
    for name in names:
        here = here.get(name) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}
