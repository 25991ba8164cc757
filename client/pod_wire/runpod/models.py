"""RunPod's pods as values: what a create asks for, and what a pod says of itself. Read tolerantly, sent strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Final

from pod_wire.errors import Broken
from pod_wire.frozen import dataclass

NOTHING: Final[Mapping[str, object]] = {}


class PodState(StrEnum):
    """The statuses of v2. A pod's ``status`` is text, as RunPod may know others one day."""

    PROVISIONING = "PROVISIONING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"


@dataclass(frozen=True, slots=True)
class Mount:
    """Storage that outlives a stop. ``volume`` None: the pod's own disk of ``size_gb``; else a network volume's id."""

    path: str
    size_gb: int = 0
    volume: str | None = None


@dataclass(frozen=True, slots=True)
class RuntimePort:
    """A port as mapped: ``private`` inside the pod, ``public`` outside."""

    private: int
    public: int | None
    type: str
    ip: str | None


@dataclass(frozen=True, slots=True)
class SshPlace:
    """Where an ssh of the pod's answers, as RunPod tells it."""

    host: str
    port: int
    user: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod. ``cost`` is dollars per hour (0 when stopped); ``runtime_up`` is the API's only sign of a container."""

    id: str
    name: str
    status: str
    actions: tuple[str, ...] = ()
    image: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # in clear, so never shown
    ports: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    disk_gb: int = 0
    gpu_id: str | None = None
    gpu_count: int = 0
    cloud: str = ""
    data_center: str | None = None
    cost: float = 0.0
    created_at: str | None = None
    started_at: str | None = None
    runtime_up: bool = False
    uptime_s: int | None = None
    runtime_ports: tuple[RuntimePort, ...] = ()
    locked: bool = False
    cluster: str | None = None  # the id of the one that it belongs to
    ssh_direct: SshPlace | None = None  # the pod's own sshd
    ssh_proxy: SshPlace | None = None  # RunPod's gateway: a terminal and nothing else

    def started(self) -> float | None:
        """``started_at`` in seconds since the epoch."""
        return _seconds(self.started_at)

    def created(self) -> float | None:
        """``created_at`` in seconds since the epoch."""
        return _seconds(self.created_at)


@dataclass(frozen=True, slots=True)
class NewPod:
    """What a create asks for. ``gpu_count``, ``disk_gb`` and ``cloud`` are always sent: leaving them out has failed."""

    name: str
    image: str
    gpu_id: str | None = None
    gpu_count: int = 1
    cpu_id: str | None = None
    vcpu_count: int = 2
    cloud: str = "SECURE"
    data_centers: tuple[str, ...] = ()
    disk_gb: int = 20
    mount: Mount | None = None
    ports: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    args: str | None = None
    registry: str | None = None
    template: str | None = None
    start_ssh: bool = False
    min_cuda: str | None = None

    def to_body(self) -> dict[str, object]:
        """The request's body, without what was not asked for."""
        body: dict[str, object] = {
            "name": self.name,
            "image": self.image,
            "cloud": self.cloud,
            "disk": self.disk_gb,
        }
        if self.gpu_id is not None:
            body["gpu"] = {"id": self.gpu_id, "count": self.gpu_count} | (
                {"minCudaVersion": self.min_cuda} if self.min_cuda else {}
            )
        elif self.cpu_id is not None:
            body["cpu"] = {"id": self.cpu_id, "vcpuCount": self.vcpu_count}
        if self.mount is not None:
            body["mounts"] = mounts_body(self.mount)
        optional: dict[str, object] = {
            "dataCenterIds": list(self.data_centers),
            "ports": list(self.ports),
            "env": dict(self.env),
            "entrypoint": list(self.entrypoint),
            "cmd": list(self.cmd),
            "args": self.args,
            "registry": self.registry,
            "templateId": self.template,
            "startSsh": self.start_ssh,
        }
        return body | {key: value for key, value in optional.items() if value}


def mounts_body(mount: Mount) -> dict[str, object]:
    """The ``mounts`` of a body: one of two shapes, never both."""
    if mount.volume is not None:
        return {"network": [{"volumeId": mount.volume, "path": mount.path}]}
    return {"persistent": {"size": mount.size_gb, "path": mount.path}}


def read_pod(data: object) -> Pod:
    """A pod of an answer; Broken where it has no id or status. Unknown keys are ignored."""
    if not isinstance(data, Mapping):
        raise Broken("cannot read a pod of RunPod's: it is no object")
    pod_id, status = data.get("id"), data.get("status")
    if not isinstance(pod_id, str) or not pod_id or not isinstance(status, str):
        raise Broken("cannot read a pod of RunPod's: it has no id or no status")
    gpu, runtime = _table(data.get("gpu")), _table(data.get("runtime"))
    return Pod(
        id=pod_id,
        name=_text(data.get("name")) or "",
        status=status,
        actions=_texts(data.get("actions")),
        image=_text(data.get("image")) or "",
        env={key: value for key, value in _table(data.get("env")).items() if isinstance(value, str)},
        ports=_texts(data.get("ports")),
        mounts=_mounts(_table(data.get("mounts"))),
        disk_gb=_whole(data.get("disk")) or 0,
        gpu_id=_text(gpu.get("id")),
        gpu_count=_whole(gpu.get("count")) or 0,
        cloud=_text(data.get("cloud")) or "",
        data_center=_text(data.get("dataCenterId")),
        cost=_number(data.get("cost")),
        created_at=_text(data.get("createdAt")),
        started_at=_text(data.get("startedAt")),
        runtime_up=status == PodState.RUNNING and bool(runtime),
        uptime_s=_whole(runtime.get("uptime")),
        runtime_ports=_runtime_ports(runtime.get("ports")),
        locked=data.get("locked") is True,
        cluster=_text(_table(data.get("cluster")).get("id")),
        ssh_direct=_ssh_place(_table(data.get("ssh")).get("direct")),
        ssh_proxy=_ssh_place(_table(data.get("ssh")).get("proxy")),
    )


def _ssh_place(data: object) -> SshPlace | None:
    place = _table(data)
    host, port, user = _text(place.get("host")), _whole(place.get("port")), _text(place.get("username"))
    return SshPlace(host, port, user) if host and port and user else None


def _mounts(data: Mapping[str, object]) -> tuple[Mount, ...]:
    found: list[Mount] = []
    persistent = _table(data.get("persistent"))
    if persistent:
        found.append(Mount(_text(persistent.get("path")) or "", _whole(persistent.get("size")) or 0))
    for item in _list(data.get("network")):
        network = _table(item)
        found.append(Mount(_text(network.get("path")) or "", volume=_text(network.get("volumeId")) or ""))
    return tuple(found)


def _runtime_ports(data: object) -> tuple[RuntimePort, ...]:
    found: list[RuntimePort] = []
    for item in _list(data):
        port = _table(item)
        private = _whole(port.get("private"))
        if private is not None:
            public, ip = _whole(port.get("public")), _text(port.get("ip"))
            found.append(RuntimePort(private, public, _text(port.get("type")) or "", ip))
    return tuple(found)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


def _table(data: object) -> Mapping[str, object]:
    return data if isinstance(data, Mapping) else NOTHING


def _list(data: object) -> list[object]:
    return data if isinstance(data, list) else []


def _text(data: object) -> str | None:
    return data if isinstance(data, str) else None


def _texts(data: object) -> tuple[str, ...]:
    return tuple(item for item in _list(data) if isinstance(item, str))


def _whole(data: object) -> int | None:
    return data if isinstance(data, int) and not isinstance(data, bool) else None


def _number(data: object) -> float:
    return float(data) if isinstance(data, (int, float)) and not isinstance(data, bool) else 0.0
