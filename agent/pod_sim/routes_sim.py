"""The simulator's own routes under /sim: faults, and looking into pods. RunPod has none of them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from pod_sim import faults
from pod_sim.app import read_body
from pod_sim.backends.container import kill_inside, processes_of
from pod_sim.problems import Problem
from pod_sim.trouble import read_trouble

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from pod_sim.app import Endpoint, Parts
    from pod_sim.backends.container import Container
    from pod_sim.record import PodRecord

CONSOLE_BYTES = 1 << 20


def chosen(parts: Parts, request: Request) -> PodRecord:
    parts.account(request)
    return parts.fleet.life(request.path_params["id"]).record


def container_of(record: PodRecord) -> Container:
    if record.container is None:
        raise Problem(409, f"the pod is {record.status.value}: it has no container")
    return record.container


async def health(parts: Parts, _request: Request) -> Response:
    records = parts.fleet.all_records()
    running = sum(record.status.is_up for record in records)
    return JSONResponse(
        {
            "ok": True,
            "pods": len(records),
            "running": running,
            "connections": len(parts.tunnels),
            "takes_images": parts.fleet.takes_images,
        }
    )


async def kill(parts: Parts, request: Request) -> Response:
    container = container_of(chosen(parts, request))
    wish = faults.read_kill(await read_body(request))
    host_pid = await asyncio.to_thread(kill_inside, container, wish.pid, wish.signal)
    return JSONResponse({"pid": wish.pid, "host_pid": host_pid, "signal": wish.signal})


async def crash(parts: Parts, request: Request) -> Response:
    record = chosen(parts, request)
    container_of(record)
    wish = faults.read_crash(await read_body(request), record.faults)
    parts.fleet.life(record.id).crash(wish)
    return JSONResponse({"layer": wish.crash_layer, "started_at": wish.crash_started_at}, 202)


async def set_proxy(parts: Parts, request: Request) -> Response:
    record = chosen(parts, request)
    mode, after = faults.read_proxy(await read_body(request))
    if mode == faults.CUT:
        tunnels = parts.tunnels
        cut = tunnels.cut(record.id) if after is None else 0
        left = tunnels.cuts_left(record.id)
        if after is not None:
            tunnels.cut_after(record.id, after)
        return JSONResponse({"mode": record.faults.proxy, "cut": cut, "left": left})
    parts.fleet.set_faults(record.id, replace(record.faults, proxy=mode))
    return JSONResponse({"mode": mode, "cut": 0})


async def set_faults(parts: Parts, request: Request) -> Response:
    record = chosen(parts, request)
    wish = faults.read_faults(await read_body(request), record.faults)
    parts.fleet.set_faults(record.id, wish)
    return JSONResponse(asdict(wish))


async def set_trouble(parts: Parts, request: Request) -> Response:
    """What RunPod answers next, whatever pod it is about."""
    parts.account(request)
    read_trouble(await read_body(request), parts.trouble)
    return JSONResponse({**parts.trouble.waiting, "api": parts.trouble.api})


async def processes(parts: Parts, request: Request) -> Response:
    record = chosen(parts, request)
    if record.container is None:
        return JSONResponse([])
    found = await asyncio.to_thread(processes_of, record.container)
    return JSONResponse([asdict(process) for process in found])


async def console(parts: Parts, request: Request) -> Response:
    path = parts.store.pod_folder(chosen(parts, request).id) / "console.log"
    return Response(await asyncio.to_thread(_tail, path), media_type="application/octet-stream")


def _tail(path: Path) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - CONSOLE_BYTES))
        return file.read()


async def ledger(parts: Parts, request: Request) -> Response:
    """What a pod has cost so far, by the second."""
    record, now = chosen(parts, request), parts.clock.now()
    charges = [asdict(charge) for charge in record.charges]
    return JSONResponse({"id": record.id, "now": now, "cost": round(record.cost(now), 6), "charges": charges})


async def shut_down(parts: Parts, request: Request) -> Response:
    """The simulator ends; its pods live on."""
    parts.account(request)
    parts.shut_down()
    return Response(status_code=202)


async def reset(parts: Parts, request: Request) -> Response:
    """Every pod ends. Answers when nothing of them is left."""
    parts.account(request)
    await parts.fleet.end_all()
    return Response(status_code=204)


ROUTES: list[tuple[str, str, Endpoint]] = [
    ("GET", "/sim/health", health),
    ("POST", "/sim/pods/{id}/kill", kill),
    ("POST", "/sim/pods/{id}/crash", crash),
    ("POST", "/sim/pods/{id}/proxy", set_proxy),
    ("POST", "/sim/pods/{id}/faults", set_faults),
    ("GET", "/sim/pods/{id}/processes", processes),
    ("GET", "/sim/pods/{id}/console", console),
    ("GET", "/sim/pods/{id}/ledger", ledger),
    ("POST", "/sim/faults", set_trouble),
    ("POST", "/sim/shutdown", shut_down),
    ("POST", "/sim/reset", reset),
]
