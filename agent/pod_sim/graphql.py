"""The few GraphQL operations that still matter: podStop, podTerminate, pod, and gpuTypes without a key.

Not a GraphQL server: one operation per document, its first field, its arguments from variables or literals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_sim import catalog
from pod_sim.environment import PUBLIC_IP
from pod_sim.problems import Problem, not_found
from pod_sim.views import HTTP_IP, runtime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_sim.fleet import Fleet
    from pod_sim.keys import Caller
    from pod_sim.record import PodRecord

TOKEN = re.compile(r'[{}()]|"(?:[^"\\]|\\.)*"|[$]?[A-Za-z_]\w*|[:!,=\[\]]|-?[0-9.]+')
KEYLESS = "gpuTypes"
ACTIONS = {"podStop": "stop", "podResume": "start", "podTerminate": "terminate"}
OLD_PRICES = (
    "oneWeekPrice",
    "oneMonthPrice",
    "threeMonthPrice",
    "sixMonthPrice",
    "secureSpotPrice",
    "communitySpotPrice",
)
CATCH_ALL = "Something went wrong. Please try again later or contact support."


@dataclass(frozen=True, slots=True)
class Operation:
    """The field asked for, the pod or GPU that its arguments name, and the names selected below it."""

    field: str
    pod_id: str | None
    selected: tuple[str, ...]
    id: str | None = None


def parse(query: str, variables: Mapping[str, object]) -> Operation | None:
    """None where this is no operation that we can read."""
    tokens = TOKEN.findall(query)
    if "{" not in tokens:
        return None
    head = tokens.index("{")
    if head + 1 >= len(tokens) or not re.fullmatch(r"[A-Za-z_]\w*", tokens[head + 1]):
        return None
    body = tokens[head + 2 :]
    arguments = body[: body.index(")") + 1] if body[:1] == ["("] and ")" in body else []
    selection = body[len(arguments) :]
    names = _top_names(selection)
    return Operation(
        tokens[head + 1],
        _argument(arguments, variables, "podId"),
        names,
        _argument(arguments, variables, "id"),
    )


def answer(operation: Operation | None, caller: Caller | None, fleet: Fleet, now: float) -> dict[str, object]:
    """The response's JSON: ``data``, or ``errors`` with HTTP 200 all the same."""
    if operation is None:
        return failure("Syntax Error: no operation", "GRAPHQL_PARSE_FAILED")
    try:
        value = _resolve(operation, caller, fleet, now)
    except Problem as problem:
        code = {401: "UNAUTHENTICATED", 403: "FORBIDDEN", 404: "NOT_FOUND"}.get(
            problem.status, "INTERNAL_SERVER_ERROR"
        )
        return failure(problem.detail, code, operation.field)
    return {"data": {operation.field: value}}


def failure(message: str, code: str = "INTERNAL_SERVER_ERROR", field: str | None = None) -> dict[str, object]:
    error: dict[str, object] = {"message": message, "extensions": {"code": code}}
    if field is not None:
        error["path"] = [field]
    return {"errors": [error], "data": None}


def _resolve(operation: Operation, caller: Caller | None, fleet: Fleet, now: float) -> object:
    if operation.field == KEYLESS:
        asked = [gpu for gpu in catalog.GPUS if operation.id in (None, gpu.id)]
        return [_pick(_gpu(gpu), operation.selected) for gpu in asked]
    if caller is None:
        raise Problem(401, "Unauthorized")
    if operation.field == "myself":
        caller.must_be_account()
        return _pick(_myself(fleet, now), operation.selected)
    if operation.field not in ("pod", *ACTIONS):
        raise Problem(400, f'Cannot query field "{operation.field}".')
    record = _own(operation, caller, fleet)
    if operation.field == "pod":
        return None if record is None else _pick(_pod(record, now), operation.selected)
    if record is None:
        raise not_found()
    if record.faults.graphql == "refuse":
        raise Problem(500, CATCH_ALL)
    after = fleet.act(record.id, ACTIONS[operation.field], caller)
    return None if after is None else _pick(_pod(after, now), operation.selected)


def _own(operation: Operation, caller: Caller, fleet: Fleet) -> PodRecord | None:
    if operation.pod_id is None:
        raise Problem(400, 'Field "podId" of required type "String!" was not provided.')
    caller.must_own(operation.pod_id)
    return next((record for record in fleet.records() if record.id == operation.pod_id), None)


def _pod(record: PodRecord, now: float) -> dict[str, object]:
    asked, is_up = record.asked, record.status.is_up
    gpu = catalog.find(asked.gpu_id or "")
    live = runtime(record, now)
    return {
        "id": record.id,
        "name": asked.name,
        "desiredStatus": "RUNNING" if is_up else "EXITED",
        "lastStatusChange": "Rented by User" if is_up else "Exited by user",
        "imageName": asked.image,
        "env": [f"{name}={value}" for name, value in asked.env.items()],
        "ports": ",".join(asked.ports),
        "gpuCount": record.gpu_count(),
        "containerDiskInGb": asked.disk,
        "costPerHr": round(asked.price(), 4) if is_up else 0.0,
        "podType": "RESERVED",
        "uptimeSeconds": live["uptime"] if live else 0,
        **_machine_side(record),
        "machine": {
            "gpuDisplayName": gpu.name if gpu else None,
            "podHostId": f"{record.id}-{record.machine}",
        },
        "runtime": _runtime(record, live) if live else None,
    }


def _machine_side(record: PodRecord) -> dict[str, object]:
    """What RunPod's own tools ask for beside the rest."""
    asked, mount = record.asked, record.asked.mount
    return {
        "dockerArgs": asked.args,
        "dockerId": None,
        "machineId": record.machine,
        "memoryInGb": 32,
        "port": None,
        "vcpuCount": asked.vcpus or 8,
        "volumeInGb": (mount.size or 0) if mount else 0,
        "volumeMountPath": mount.path if mount else None,
    }


def _runtime(record: PodRecord, live: Mapping[str, object]) -> dict[str, object]:
    ports = [
        {
            "ip": PUBLIC_IP if port.endswith("/tcp") else HTTP_IP,
            "isIpPublic": port.endswith("/tcp"),
            "privatePort": int(port.partition("/")[0]),
            "publicPort": record.tcp_ports.get(port.partition("/")[0], int(port.partition("/")[0])),
            "type": port.partition("/")[2],
        }
        for port in record.asked.ports
    ]
    return {"uptimeInSeconds": live["uptime"], "ports": ports}


def _myself(fleet: Fleet, now: float) -> dict[str, object]:
    return {
        "id": "user_sim",
        "email": "you@example.com",
        "pubKey": "",
        "clientBalance": 100.0,
        "currentSpendPerHr": sum(r.asked.price() for r in fleet.records() if r.status.is_up),
        "networkVolumes": [],
        "pods": [_pod(record, now) for record in fleet.records()],
    }


def _gpu(gpu: catalog.GpuType) -> dict[str, object]:
    return {
        "id": gpu.id,
        "displayName": gpu.name,
        "manufacturer": "NVIDIA",
        "memoryInGb": gpu.memory_gb,
        "cudaCores": 0,
        "maxGpuCount": gpu.max_count,
        "secureCloud": True,
        "communityCloud": True,
        "securePrice": gpu.secure_price,
        "communityPrice": gpu.community_price,
        "lowestPrice": {"minimumBidPrice": None, "uninterruptablePrice": gpu.secure_price},
        **dict.fromkeys(OLD_PRICES),
    }


def _pick(value: dict[str, object], names: tuple[str, ...]) -> dict[str, object]:
    unknown = [name for name in names if name not in value]
    if unknown:
        raise Problem(400, f'Cannot query field "{unknown[0]}".')
    return {name: value[name] for name in names}


def _top_names(tokens: list[str]) -> tuple[str, ...]:
    """The field names of the outermost selection; what they select below them comes whole."""
    names: list[str] = []
    depth = rounds = 0
    for word in tokens:
        rounds += (word == "(") - (word == ")")
        depth += (word == "{") - (word == "}")
        if depth <= 0 and names:
            break
        if depth == 1 and rounds == 0 and re.fullmatch(r"[A-Za-z_]\w*", word):
            names.append(word)
    return tuple(names)


def _argument(arguments: list[str], variables: Mapping[str, object], name: str) -> str | None:
    """One of this name written out, as a variable, or inside the variable that ``input`` is."""
    for known in (name, "input"):
        for place, token in enumerate(arguments[:-2]):
            if token == known and arguments[place + 1] == ":":
                found = _value(arguments[place + 2], variables, name)
                if found is not None:
                    return found
    return None


def _value(token: str, variables: Mapping[str, object], name: str) -> str | None:
    value = (
        variables.get(token[1:]) if token.startswith("$") else token[1:-1] if token.startswith('"') else None
    )
    if isinstance(value, dict):
        value = value.get(name)
    return value if isinstance(value, str) else None
