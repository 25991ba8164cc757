"""What RunPod's v2 answers look like: keys that are always there, keys that may be, and what each holds. Data only.

In our own words, from RunPod's published description of its API (August 2026) and what was seen since. A kind is text,
whole, number, flag or time, a tuple of the texts allowed, a name of this table, [kind] for a list, {"*": kind} for a
map; with a question mark it may be null.
"""

from __future__ import annotations

from typing import Final

STATUSES: Final = ("PROVISIONING", "STARTING", "RUNNING", "EXITED", "ERROR", "TERMINATED")
ACTIONS: Final = ("start", "stop", "restart", "terminate")
LEVELS: Final = ("NONE", "LOW", "MEDIUM", "HIGH")

ALWAYS: Final[dict[str, dict[str, object]]] = {
    "Pod": {
        "id": "text",
        "name": "text",
        "status": STATUSES,
        "actions": [ACTIONS],
        "image": "text",
        "args": "text",
        "disk": "whole",
        "mounts": "Mounts",
        "ports": ["text"],
        "env": {"*": "text"},
        "registry": "text?",
        "cloud": ("SECURE", "COMMUNITY"),
        "dataCenterId": "text?",
        "cudaVersion": "text?",
        "ssh": "Ssh",
        "template": "text?",
        "cost": "number",
        "locked": "flag",
        "runtime": "Runtime?",
        "createdAt": "time",
        "startedAt": "time?",
        "globalNetworking": "Networking",
    },
    "Mounts": {},
    "Persistent": {"size": "whole", "path": "text"},
    "Network": {"volumeId": "text", "path": "text"},
    "Ssh": {"proxy": "Endpoint?", "direct": "Endpoint?"},
    "Endpoint": {"host": "text", "port": "whole", "username": "text", "command": "text"},
    "Runtime": {
        "uptime": "whole",
        "gpus": ["Load"],
        "cpu": "Util",
        "memory": "Util",
        "ports": ["RuntimePort"],
    },
    "Load": {"util": "number", "memoryUtil": "number"},
    "Util": {"util": "number"},
    "RuntimePort": {"private": "whole", "public": "whole?", "type": ("http", "tcp"), "ip": "text?"},
    "Networking": {"enabled": "flag"},
    "Gpu": {"id": "text", "count": "whole"},
    "Cpu": {"id": "text", "vcpuCount": "whole", "memory": "number"},
    "Page": {"pods": ["Pod"], "pagination": "Pagination"},
    "Pagination": {"nextCursor": "text?", "hasNextPage": "flag"},
    "Problem": {"title": "text", "status": "whole", "detail": "text"},
    "GpuType": {
        "id": "text",
        "name": "text",
        "pool": "text?",
        "manufacturer": "text",
        "memory": "whole",
        "secure": "flag",
        "community": "flag",
        "price": "Price",
        "maxCount": "MaxCount",
    },
    "Price": {"secure": "number", "community": "number"},
    "MaxCount": {"secure": "whole", "community": "whole"},
    "Place": {"id": "text", "name": "text", "availability": LEVELS},
    "Cuda": {"version": "text", "available": "flag"},
}

SOMETIMES: Final[dict[str, dict[str, object]]] = {
    "Pod": {"gpu": "Gpu", "cpu": "Cpu", "cmd": ["text"], "entrypoint": ["text"]},
    "Mounts": {"persistent": "Persistent", "network": ["Network"]},
    "Networking": {"ip": "text", "internalDns": "text"},
    "Problem": {"errors": ["text"]},
    "GpuType": {"availability": LEVELS, "dataCenters": ["Place"], "cudaVersions": ["Cuda"]},
}
