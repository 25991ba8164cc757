"""Jupyter's own word on its kernels: which of them execute a cell. Asked over loopback, with the token in its file.

Nothing is imported or asked where no server has left its file. Not here: notebooks that are the job itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.idle.raw import Kernels
from pod_agent.pod.idle.signs import Gap, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(".local/share/jupyter/runtime")
PATTERNS = ("jpserver-*.json", "nbserver-*.json")
MOST_SERVERS = 4
MOST_BYTES = 1 << 20
LIMIT_S = 2.0
SILENT = Gap(State.UNKNOWN, "A notebook server is there and does not answer.")
CLOSED = Gap(
    State.ABSENT,
    "A notebook server does not tell without its password.",
)


def read(root: Path, named: str | None = None) -> Kernels | Gap:
    """Of all servers that live. ``root``: of the machine; ``named``: another folder that Jupyter was given."""
    servers = list(_servers(root, named))[:MOST_SERVERS]
    known = executing = 0
    gap: Gap | None = None
    for server in servers:
        told = _ask(server)
        if isinstance(told, Gap):
            gap = told
            continue
        known, executing = known + told.known, executing + told.executing
    if gap is not None and not executing:
        return gap
    return Kernels(known, executing)


def _servers(root: Path, named: str | None) -> Iterator[Mapping[str, object]]:
    homes = [root / "root" / FOLDER]
    try:
        homes += [home / FOLDER for home in (root / "home").iterdir()]
    except OSError:
        homes += []
    folders = [*homes, *([Path(named)] if named else [])]
    for folder in folders:
        for pattern in PATTERNS:
            for path in sorted(folder.glob(pattern)):
                told = _object(path)
                pid = told.get("pid")
                if isinstance(pid, int) and (root / "proc" / str(pid)).exists():
                    yield told


def _ask(server: Mapping[str, object]) -> Kernels | Gap:
    import http.client  # noqa: PLC0415 - most pods have no notebook

    port, base, token = server.get("port"), server.get("base_url"), server.get("token")
    if not isinstance(port, int) or server.get("secure") is True:
        return CLOSED
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        path = f"{base if isinstance(base, str) else '/'}api/kernels"
        connection.request("GET", path, headers={"Authorization": f"token {token}"} if token else {})
        answer = connection.getresponse()
        body = answer.read(MOST_BYTES)
    except (OSError, http.client.HTTPException, ValueError):
        return SILENT
    finally:
        connection.close()
    if answer.status in {302, 401, 403}:
        return CLOSED
    return _kernels(body) if answer.status == http.client.OK else SILENT


def _kernels(body: bytes) -> Kernels | Gap:
    try:
        listed = json.loads(body)
    except ValueError:
        return SILENT
    if not isinstance(listed, list):
        return SILENT
    states = [one.get("execution_state") for one in listed if isinstance(one, dict)]
    return Kernels(len(states), states.count("busy"))


def _object(path: Path) -> Mapping[str, object]:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
