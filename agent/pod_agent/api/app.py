"""The agent's HTTP application: its routes, its border, and one shape for everything that goes wrong.

Not here: what the routes do (routes.py), and the socket (server.py).
"""

from __future__ import annotations

import functools
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from pod_agent.api import described, files, keeping, receipts, routes
from pod_agent.api.answers import problem_answer
from pod_agent.api.auth import Border
from pod_wire.errors import PodError, RateLimited
from pod_wire.routes import (
    CHECKPOINTS,
    EVENTS,
    HEALTHZ,
    JOBS,
    KEEP,
    LOGS,
    METRICS,
    STATUS,
    STOP,
    job,
    job_cancel,
    job_logs,
    job_receipt,
    job_restart,
    tree,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from pod_agent.api.house import House


_logger = logging.getLogger("podkeep.api")

_GET = (
    (HEALTHZ, routes.healthz),
    (STATUS, routes.status),
    (JOBS, routes.jobs),
    (job("{job}"), routes.one_job),
    (LOGS, routes.logs),
    (job_logs("{job}"), routes.logs),
    (job_receipt("{job}"), receipts.receipt),
    (EVENTS, routes.events),
    (METRICS, routes.metrics),
    (CHECKPOINTS, routes.checkpoints),
    (tree("{tree}"), files.get_tree),
)
_PUT = ((tree("{tree}"), files.put_tree),)
_POST = (
    (JOBS, routes.give_order),
    (job_cancel("{job}"), routes.cancel),
    (job_restart("{job}"), routes.restart),
    (STOP, routes.stop),
    (KEEP, keeping.keep),
)


def build(house: House) -> Starlette:
    """The application. The house is the server's, which asks its followers who is owed, and closes it."""
    ours = [
        described.Ours(method, path, functools.partial(route, house), route.__doc__ or "")
        for method, table in (("GET", _GET), ("POST", _POST), ("PUT", _PUT))
        for path, route in table
    ]
    page = described.Page(ours)
    return Starlette(
        routes=[
            *(Route(one.path, one.route, methods=[one.method], name=one.name) for one in ours),
            *(Route(path, page, methods=["GET"], name=path) for path in described.PATHS),
        ],
        middleware=[Middleware(Border, token=house.parts.token)],
        exception_handlers={PodError: _expected, HTTPException: _by_framework, Exception: _unexpected},
    )


async def _expected(_: Request, error: Exception) -> Response:
    if not isinstance(error, PodError):
        raise error
    headers = {}
    if isinstance(error, RateLimited) and error.retry_after_s is not None:
        headers["Retry-After"] = str(int(error.retry_after_s))
    return problem_answer(error, headers)


async def _by_framework(_: Request, error: Exception) -> Response:
    """No such route, a method it does not have: what Starlette raises by itself."""
    if not isinstance(error, HTTPException):
        raise error
    said = PodError(
        f"cannot answer: {HTTPStatus(error.status_code).phrase.lower()}", "GET /openapi.json lists the routes"
    )
    said.status = error.status_code
    return problem_answer(said, error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    _logger.error("event=api_error route=%s", request.scope.get("path", ""), exc_info=error)
    return problem_answer(
        PodError("cannot answer: the agent made a mistake", "its own log on stderr says more")
    )
