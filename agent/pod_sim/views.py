"""The Pod object of RunPod's v2 API, from a record. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pod_sim import catalog
from pod_sim.environment import PUBLIC_IP

if TYPE_CHECKING:
    from pod_sim.record import Mount, PodRecord

HTTP_IP = "100.65.0.101"  # what the API shows for an http port: never the pod's public address
GATEWAY = "ssh.runpod.io"


def stamp(moment: float | None) -> str | None:
    """RFC 3339 in UTC."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def pod(record: PodRecord, now: float, *, is_august: bool = False) -> dict[str, object]:
    asked = record.asked
    view: dict[str, object] = {
        "id": record.id,
        "name": asked.name,
        "status": record.status.value,
        "actions": list(record.status.actions),
        "image": asked.image,
        "args": asked.args,
        "cmd": list(asked.cmd),
        "entrypoint": list(asked.entrypoint),
        "disk": asked.disk,
        "mounts": _mounts(asked.mount),
        "ports": list(asked.ports),
        "env": dict(asked.env),
        "registry": asked.registry,
        "cloud": asked.cloud,
        "dataCenterId": record.data_center,
        "cudaVersion": catalog.CUDA_VERSION if asked.gpu_id else None,
        "ssh": _ssh(record),
        "template": None,
        "cost": round(asked.price(), 4) if record.status.is_up else 0.0,
        "locked": asked.locked,
        "runtime": runtime(record, now),
        "createdAt": stamp(record.created_at),
        "startedAt": stamp(record.started_at),
        "globalNetworking": _networking(record),
    }
    if record.faults.cluster:
        view["cluster"] = {"id": record.faults.cluster, "rank": 0}
    if asked.gpu_id is not None:
        view["gpu"] = {"id": asked.gpu_id, "count": record.gpu_count()}
    if asked.cpu_id is not None:
        memory = asked.vcpus * catalog.CPU_FLAVOURS[asked.cpu_id]
        view["cpu"] = {"id": asked.cpu_id, "vcpuCount": asked.vcpus, "memory": memory}
    if is_august:
        del view["cmd"], view["entrypoint"]
    return view


def runtime(record: PodRecord, now: float) -> dict[str, object] | None:
    """Null until a container runs. It stays while a stopped one goes down, as RunPod's is stale then."""
    if record.container is None or record.container_since is None:
        return None
    return {
        "uptime": max(0, int(now - record.container_since)),
        "gpus": [{"util": 0, "memoryUtil": 0} for _ in range(record.gpu_count())],
        "cpu": {"util": 0},
        "memory": {"util": 0},
        "ports": [_port(record, port) for port in record.asked.ports],
    }


def _port(record: PodRecord, port: str) -> dict[str, object]:
    number, _, kind = port.partition("/")
    if kind == "tcp":
        return {
            "private": int(number),
            "public": record.tcp_ports.get(number),
            "type": "tcp",
            "ip": PUBLIC_IP,
        }
    return {"private": int(number), "public": int(number), "type": "http", "ip": HTTP_IP}


def _mounts(mount: Mount | None) -> dict[str, object]:
    if mount is None:
        return {}
    if mount.volume is not None:
        return {"network": [{"volumeId": mount.volume, "path": mount.path}]}
    return {"persistent": {"size": mount.size, "path": mount.path}}


def _ssh(record: PodRecord) -> dict[str, object]:
    name = f"{record.id}-{record.machine}"
    proxy = {"host": GATEWAY, "port": 22, "username": name, "command": f"ssh {name}@{GATEWAY}"}
    public = record.tcp_ports.get("22")
    if public is None or record.container is None:
        return {"proxy": proxy, "direct": None}
    command = f"ssh root@{PUBLIC_IP} -p {public}"
    return {
        "proxy": proxy,
        "direct": {"host": PUBLIC_IP, "port": public, "username": "root", "command": command},
    }


def _networking(record: PodRecord) -> dict[str, object]:
    if not record.asked.global_networking:
        return {"enabled": False}
    return {"enabled": True, "ip": "10.65.1.42", "internalDns": f"{record.id}.runpod.internal"}
