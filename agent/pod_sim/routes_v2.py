"""RunPod's v2 REST API: pods, and as much of the GPU catalogue as launching needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from pod_sim import bodies, catalog, views
from pod_sim.app import read_body
from pod_sim.fleet import MAX_PAGE
from pod_sim.problems import Problem, invalid, not_found
from pod_sim.record import Faults
from pod_sim.trouble import ERROR, NO_GPU, STUCK

if TYPE_CHECKING:
    from starlette.requests import Request

    from pod_sim.app import Endpoint, Parts
    from pod_sim.record import PodRecord

NEEDS_INCLUDE = ("product", "count", "cloud", "countryCodes", "cudaVersions", "minCudaVersion")
PRODUCTS = {"POD", "CLUSTER", "SERVERLESS"}


def show(parts: Parts, record: PodRecord, status: int = 200) -> Response:
    view = views.pod(record, parts.clock.now(), is_august=parts.trouble.is_august)
    return JSONResponse(view, status)


async def list_pods(parts: Parts, request: Request) -> Response:
    parts.account(request)
    parts.trouble.before("list")
    limit, errors = _limit(request.query_params.get("limit")), []
    if limit is None:
        errors.append(f"limit: want integer from 1 to {MAX_PAGE}")
    if request.query_params.get("includeClusterPods", "false") not in ("true", "false"):
        errors.append("includeClusterPods: want boolean")
    if errors or limit is None:
        raise invalid(errors)
    now = parts.clock.now()
    if parts.trouble.is_august:
        pods = [views.pod(record, now, is_august=True) for record in parts.fleet.records()]
        return JSONResponse({"pods": pods})
    records, following = parts.fleet.page(limit, request.query_params.get("cursor"))
    pagination = {"nextCursor": following, "hasNextPage": following is not None}
    return JSONResponse({"pods": [views.pod(record, now) for record in records], "pagination": pagination})


def _limit(text: str | None) -> int | None:
    if text is None:
        return MAX_PAGE
    return int(text) if text.isdecimal() and 1 <= int(text) <= MAX_PAGE else None


async def create_pod(parts: Parts, request: Request) -> Response:
    parts.account(request)
    asked = bodies.read_create(await read_body(request), is_august=parts.trouble.is_august)
    kind = parts.trouble.before("create")
    record = parts.fleet.create(asked, Faults(bring_up=kind if kind in (STUCK, ERROR) else "ok"))
    parts.trouble.after(kind)
    return show(parts, record, 201)


async def get_pod(parts: Parts, request: Request) -> Response:
    pod_id = request.path_params["id"]
    caller = parts.caller(request)
    caller.must_own(pod_id)
    if caller.pod is None:
        parts.trouble.before("get")
    record = parts.fleet.life(pod_id).record
    if caller.pod is not None and record.faults.refuse_read:
        raise Problem(403, "access denied")
    return show(parts, record)


async def patch_pod(parts: Parts, request: Request) -> Response:
    parts.account(request)
    raw = await read_body(request)
    record = parts.fleet.life(request.path_params["id"]).record
    wish = bodies.read_patch(raw, record.asked)
    kind = parts.trouble.before("patch")
    after = parts.fleet.patch(record.id, wish)
    parts.trouble.after(kind)
    return show(parts, after)


async def delete_pod(parts: Parts, request: Request) -> Response:
    pod_id = request.path_params["id"]
    caller = parts.caller(request)
    caller.must_own(pod_id)
    kind = parts.trouble.before("delete") if caller.pod is None else None
    parts.fleet.act(pod_id, "terminate", caller)
    parts.trouble.after(kind)
    return Response(status_code=204)


async def act_on_pod(parts: Parts, request: Request) -> Response:
    pod_id = request.path_params["id"]
    caller = parts.caller(request)
    caller.must_own(pod_id)
    parts.fleet.life(pod_id)
    action = bodies.read_action(await read_body(request))
    kind = parts.trouble.before(action) if caller.pod is None else None
    after = parts.fleet.act(pod_id, action, caller, has_no_gpu=kind == NO_GPU)
    parts.trouble.after(kind)
    return Response(status_code=204) if after is None else show(parts, after)


async def list_gpus(parts: Parts, request: Request) -> Response:
    parts.account(request)
    count = _wanted_stock(request)
    return JSONResponse({"gpus": [catalog.gpu_view(gpu, count) for gpu in catalog.GPUS]})


async def get_gpu(parts: Parts, request: Request) -> Response:
    parts.account(request)
    count = _wanted_stock(request)
    gpu = catalog.find(request.path_params["id"])
    if gpu is None:
        raise not_found("GPU type")
    return JSONResponse(catalog.gpu_view(gpu, count))


def _wanted_stock(request: Request) -> int | None:
    """The count whose availability is asked for; None when none is."""
    query = request.query_params
    include, product = query.get("include"), query.get("product")
    if include is None:
        stray = [name for name in NEEDS_INCLUDE if name in query]
        if stray:
            raise Problem(400, f"{stray[0]} is valid only with include=AVAILABILITY")
        return None
    if include != "AVAILABILITY":
        raise invalid(["include: value must be AVAILABILITY"])
    if product is None:
        raise Problem(400, "product is required with include=AVAILABILITY")
    count = query.get("count", "1")
    if not set(product.split(",")) <= PRODUCTS:
        raise invalid([f"product: value must be one of {', '.join(sorted(PRODUCTS))}"])
    if query.get("cloud", "SECURE") not in ("SECURE", "COMMUNITY"):
        raise invalid(["cloud: value must be one of SECURE, COMMUNITY"])
    if not count.isdecimal() or int(count) < 1:
        raise invalid(["count: want integer from 1"])
    return int(count)


ROUTES: list[tuple[str, str, Endpoint]] = [
    ("GET", "/v2/pods", list_pods),
    ("POST", "/v2/pods", create_pod),
    ("GET", "/v2/pods/{id}", get_pod),
    ("PATCH", "/v2/pods/{id}", patch_pod),
    ("DELETE", "/v2/pods/{id}", delete_pod),
    ("POST", "/v2/pods/{id}/action", act_on_pod),
    ("GET", "/v2/catalog/gpus", list_gpus),
    ("GET", "/v2/catalog/gpus/{id}", get_gpu),
]
