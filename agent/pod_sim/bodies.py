"""RunPod's strict request bodies: what leaves here has been checked wholly. 422 for the contract, 400 for its rules."""

from __future__ import annotations

import json
from dataclasses import replace

from pod_sim import catalog
from pod_sim.checks import Checker
from pod_sim.problems import NO_DISK, NO_INSTANCES, Problem, invalid, not_found
from pod_sim.record import Asked, Mount

MAX_ENV = 50
MAX_HTTP_PORTS = 10
CREATE_ONLY = ("name", "cloud", "gpu", "cpu", "dataCenterIds", "globalNetworking", "mounts", "templateId")
CREATE_FLAGS = ("startJupyter", "startSsh")
START_COMMAND = ("cmd", "entrypoint")
CONTAINER = ("args", "disk", "env", "image", "ports", "registry")
PATCHABLE = ("name", "locked", "globalNetworking", "mounts", "templateId")
RESETS = ("image", "args", "disk", "ports", "env", "registry", "mount")
ACTIONS = ("start", "stop", "restart", "terminate")


def read_object(raw: bytes) -> dict[str, object]:
    """The JSON object in a request's body."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "request body is not valid JSON") from error
    if not isinstance(body, dict):
        raise invalid(["$: want object"])
    return body


def read_create(raw: bytes, *, is_august: bool = False) -> Asked:
    check = Checker(read_object(raw))
    check.only(*CREATE_ONLY, *CREATE_FLAGS, *(() if is_august else START_COMMAND), *CONTAINER)
    check.needs("name")
    if not check.has("templateId"):
        check.needs("image")
    asked = _container(check, Asked(name=check.text("name", min_length=1) or "", image="", disk=0))
    asked = replace(
        asked,
        cloud=check.choice("cloud", "SECURE", "COMMUNITY") or "SECURE",
        cmd=check.texts("cmd") or (),
        entrypoint=check.texts("entrypoint") or (),
        data_centers=check.texts("dataCenterIds") or (),
        global_networking=check.flag("globalNetworking") or False,
    )
    template = check.text("templateId", min_length=1)
    for key in CREATE_FLAGS:
        check.flag(key)
    gpu, cpu, mounts = _gpu(check), _cpu(check), _mounts(check)
    if check.errors:
        raise invalid(check.errors)
    if template is not None:
        raise not_found("template")
    return _placed(check, _compute(replace(asked, mount=_one_mount(mounts)), gpu, cpu), gpu)


def read_patch(raw: bytes, now: Asked) -> Asked:
    check = Checker(read_object(raw))
    check.only(*PATCHABLE, *CONTAINER)
    changed = _container(check, now)
    name, locked = check.text("name", min_length=1), check.flag("locked")
    networking, mounts = check.flag("globalNetworking"), _mounts(check)
    template = check.text("templateId")
    if check.errors:
        raise invalid(check.errors)
    if template:
        raise not_found("template")
    changed = replace(
        changed,
        name=now.name if name is None else name,
        locked=now.locked if locked is None else locked,
        global_networking=now.global_networking if networking is None else networking,
        mount=_patched_mount(mounts, now.mount),
    )
    _rules(changed)
    return changed


def resets(before: Asked, after: Asked) -> bool:
    """Whether a change of a running pod wipes and restarts its container."""
    return any(getattr(before, name) != getattr(after, name) for name in RESETS)


def read_action(raw: bytes) -> str:
    check = Checker(read_object(raw))
    check.only("action")
    check.needs("action")
    action = check.choice("action", *ACTIONS)
    if check.errors or action is None:
        raise invalid(check.errors)
    return action


def _container(check: Checker, now: Asked) -> Asked:
    image, args = check.text("image"), check.text("args")
    disk, env = check.whole("disk", minimum=1), check.text_map("env")
    ports, registry = check.ports("ports"), check.body.get("registry", now.registry)
    if registry is not None and not isinstance(registry, str):
        check.wrong("registry", "want string or null")
        registry = None
    return replace(
        now,
        image=now.image if image is None else image,
        args=now.args if args is None else args,
        disk=now.disk if disk is None else disk,
        env=now.env if env is None else env,
        ports=now.ports if ports is None else ports,
        registry=registry,
    )


def _gpu(check: Checker) -> Checker | None:
    gpu = check.inner("gpu")
    if gpu is None:
        return None
    gpu.only("id", "count", "allowedCudaVersions", "minCudaVersion")
    gpu.needs("id")
    gpu.text("id")
    gpu.whole("count", minimum=1)
    gpu.texts("allowedCudaVersions")
    gpu.cuda("allowedCudaVersions")
    gpu.cuda("minCudaVersion")
    return gpu


def _cpu(check: Checker) -> Checker | None:
    cpu = check.inner("cpu")
    if cpu is None:
        return None
    cpu.only("id", "vcpuCount")
    cpu.needs("id", "vcpuCount")
    cpu.text("id", min_length=1)
    cpu.whole("vcpuCount", minimum=2)
    return cpu


def _compute(asked: Asked, gpu: Checker | None, cpu: Checker | None) -> Asked:
    if gpu is not None and cpu is None:
        return replace(asked, gpu_id=gpu.text("id"), gpu_count=gpu.whole("count", minimum=1) or 0)
    if cpu is not None and gpu is None:
        return replace(asked, cpu_id=cpu.text("id"), vcpus=cpu.whole("vcpuCount", minimum=2) or 0)
    raise Problem(400, "exactly one of gpu or cpu must be set")


def _mounts(check: Checker) -> tuple[Mount, ...] | None:
    """The mounts as asked: None for not at all, () for an explicit empty network list."""
    mounts = check.inner("mounts")
    if mounts is None:
        return None
    mounts.only("persistent", "network")
    found = []
    kept, network = mounts.inner("persistent"), mounts.inners("network", max_items=1)
    if kept is not None:
        kept.only("size", "path")
        kept.needs("size", "path")
        found.append(Mount(kept.text("path") or "", size=kept.whole("size", minimum=10) or 0))
    for entry in network or ():
        entry.only("volumeId", "path")
        entry.needs("volumeId", "path")
        found.append(Mount(entry.text("path") or "", volume=entry.text("volumeId") or ""))
    return tuple(found) if found or network is not None else None


def _one_mount(mounts: tuple[Mount, ...] | None) -> Mount | None:
    if not mounts:
        return None
    if len(mounts) > 1:
        raise Problem(400, "mounts.persistent and mounts.network are mutually exclusive")
    parts = mounts[0].path.split("/")
    if not mounts[0].path.startswith("/") or ".." in parts or not any(parts):
        raise Problem(400, "mount path must be absolute")
    return mounts[0]


def _patched_mount(mounts: tuple[Mount, ...] | None, now: Mount | None) -> Mount | None:
    if mounts is None:
        return now
    wish = _one_mount(mounts)
    if wish is None:
        raise Problem(400, "clearing mounts is not supported")
    if now is None or (now.volume is None) != (wish.volume is None):
        raise Problem(400, "mount kind is fixed at create")
    if now.volume != wish.volume:
        raise Problem(400, "volumeId is immutable")
    return wish


def _placed(check: Checker, asked: Asked, gpu: Checker | None) -> Asked:
    """The rules across fields, in the order in which RunPod is seen to meet them."""
    _rules(asked)
    if gpu is not None and gpu.body.get("allowedCudaVersions") and gpu.has("minCudaVersion"):
        raise Problem(400, "allowedCudaVersions and minCudaVersion are mutually exclusive")
    if asked.cpu_id is not None:
        if asked.vcpus & (asked.vcpus - 1) or asked.cpu_id not in catalog.CPU_FLAVOURS:
            raise Problem(400, "vcpuCount is not valid for this CPU flavor")
        if asked.mount is not None and asked.mount.volume is None:
            raise Problem(400, "mounts.persistent is not supported on CPU pods")
    elif (
        not catalog.is_placeable(asked.gpu_id or "", asked.gpu_count, asked.data_centers)
        or not asked.gpu_count
    ):
        raise Problem(400, NO_INSTANCES)
    if not check.has("disk"):
        raise Problem(400, NO_DISK)
    return asked


def _rules(asked: Asked) -> None:
    if len(asked.env) > MAX_ENV:
        raise Problem(400, f"a pod may have at most {MAX_ENV} environment variables")
    if any(not name or "=" in name or "\0" in name + value for name, value in asked.env.items()):
        raise Problem(400, "an environment variable has an impossible name or value")
    if sum(port.endswith("/http") for port in asked.ports) > MAX_HTTP_PORTS:
        raise Problem(400, f"a pod may expose at most {MAX_HTTP_PORTS} http ports")
