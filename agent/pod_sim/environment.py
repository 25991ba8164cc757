"""The environment of a pod, made from scratch: RunPod's variables, the user's, and a few of the host's."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_sim.record import PodRecord

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FROM_HOST = re.compile(
    r"(PIP_|UV_|SSL_CERT_|GIT_SSL_).+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|\w+_proxy|\w+_PROXY|LANG|TZ"
)
OF_THIS_MACHINE = re.compile(r"/|~|file:")
PUBLIC_IP = "127.0.0.1"


def of_host(environ: Mapping[str, str], venv: str | None) -> dict[str, str]:
    """What every pod gets of this machine's environment: never PYTHON*, never our own virtual environment."""
    kept = {name: value for name, value in environ.items() if FROM_HOST.fullmatch(name)}
    path = [place for place in environ.get("PATH", SYSTEM_PATH).split(os.pathsep) if place]
    if venv is not None:
        path = [place for place in path if not place.startswith(venv + os.sep)]
    kept["PATH"] = os.pathsep.join(path or [SYSTEM_PATH])
    kept["HOME"] = environ.get("HOME", "/root")
    kept.setdefault("LANG", "C.UTF-8")
    if any(name.lower().endswith("_proxy") for name in kept):
        for name in ("no_proxy", "NO_PROXY"):  # a pod must reach this simulator directly
            kept[name] = ",".join(part for part in (kept.get(name, ""), "127.0.0.1", "localhost") if part)
    return kept


def of_host_for_containers(environ: Mapping[str, str], gateway: str | None = None) -> dict[str, str]:
    """The same for a container, which has its own PATH and HOME: a path of this machine is none there.

    ``gateway`` is how a container on a bridge reaches this simulator: no proxy stands between them.
    """
    kept = of_host(environ, None)
    if gateway is not None:
        kept |= {name: f"{kept[name]},{gateway}" for name in ("no_proxy", "NO_PROXY") if name in kept}
    return {
        name: value
        for name, value in kept.items()
        if name not in ("PATH", "HOME", "LANG") and not any(map(OF_THIS_MACHINE.match, value.split()))
    }


def own_venv() -> str | None:
    """The virtual environment that this simulator runs in, if any."""
    return sys.prefix if sys.prefix != sys.base_prefix else None


def of_pod(record: PodRecord, host: Mapping[str, str], url: str, python: str) -> dict[str, str]:
    """All variables of PID 1. RunPod's own shadow the user's; the user's shadow the host's and ours."""
    ours = {"POD_RUNPOD_URL": f"{url}/v2"} | ({"PODKEEP_PYTHON": python} if python else {})
    pretended = {"PODKEEP_PRETENDED_GPUS": str(record.gpu_count())}  # no driver of this machine is asked
    variables = {**host, **ours, **pretended, **record.asked.env, **_runpod(record)}
    if record.agent_port is not None and record.agent_port != record.inside_port():
        variables["POD_PORT"] = str(record.agent_port)
        if "22" in record.tcp_ports:  # port 22 of a network that all pods share is this machine's own
            variables["PODKEEP_SSH_PORT"] = f"{PUBLIC_IP}:{record.tcp_ports['22']}"
    return variables


def _runpod(record: PodRecord) -> dict[str, str]:
    asked = record.asked
    variables = {
        "RUNPOD_POD_ID": record.id,
        "RUNPOD_API_KEY": record.key,
        "RUNPOD_POD_HOSTNAME": f"{record.id}-{record.machine}",
        "RUNPOD_DC_ID": record.data_center,
        "RUNPOD_GPU_COUNT": str(record.gpu_count()),
        "RUNPOD_CPU_COUNT": str(asked.vcpus or os.cpu_count() or 1),
        "RUNPOD_PUBLIC_IP": PUBLIC_IP,
    }
    if asked.gpu_id is not None:
        variables["RUNPOD_GPU_NAME"] = asked.gpu_id
    if asked.mount is not None and asked.mount.volume is not None:
        variables["RUNPOD_VOLUME_ID"] = asked.mount.volume
    return variables | {f"RUNPOD_TCP_PORT_{inside}": str(port) for inside, port in record.tcp_ports.items()}
