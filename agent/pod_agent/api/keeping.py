"""The route of keep leases: who wants the pod for a while says so, and for how long. Reads the body, asks, answers."""

from __future__ import annotations

from starlette.requests import Request  # noqa: TC002 - FastAPI reads the routes' annotations
from starlette.responses import Response  # noqa: TC002 - the same

from pod_agent.api.answers import json_answer
from pod_agent.api.body import read_body, read_object
from pod_agent.api.house import House  # noqa: TC001 - FastAPI reads the routes' annotations
from pod_wire.errors import Conflict
from pod_wire.idle import read_keep
from pod_wire.status import Phase


async def keep(house: House, request: Request) -> Response:
    """Keep the pod though nothing happens on it, for `hours` or `seconds`; 0 ends every lease. `because` says why."""
    body = await read_body(request.stream(), request.headers.get("content-length"))
    ask = read_keep(read_object(body, request.headers.get("content-type")))
    if house.parts.snapshot().phase is Phase.STOPPING:
        raise Conflict("cannot keep the pod: it is stopping already", "pod-client start, once it is stopped")
    answer = await house.askers.do(lambda: house.parts.keep(ask))
    return json_answer(answer, house.parts.masker)
