"""The HTTP face: RunPod's v2 pods and catalogue, GraphQL, and the simulator's own routes, as functions over Parts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pod_sim import graphql
from pod_sim.bodies import read_object
from pod_sim.keys import BLOCKED_BODY, Caller, identify, is_blocked
from pod_sim.problems import Problem
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pod_sim.fleet import Fleet
    from pod_sim.proxy import Tunnels
    from pod_sim.state import Store
    from pod_sim.trouble import Trouble
    from pod_wire.clock import Clock

    Endpoint = Callable[["Parts", Request], Awaitable[Response]]

MAX_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    fleet: Fleet
    store: Store
    clock: Clock
    tunnels: Tunnels
    trouble: Trouble
    account_key: str
    url: str
    shut_down: Callable[[], None]
    is_ending: Callable[[], bool]

    def caller(self, request: Request) -> Caller:
        return identify(request.headers.get("authorization", ""), self.account_key, self.fleet.all_records())

    def account(self, request: Request) -> None:
        self.caller(request).must_be_account()


async def read_body(request: Request) -> bytes:
    """The body, up to a size that no honest request has."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MAX_BODY:
            raise Problem(413, "request body is too large")
        pieces.append(piece)
    return b"".join(pieces)


def bound(endpoint: Endpoint, parts: Parts) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that knows the parts; every refusal becomes RunPod's kind of answer."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(parts, request)
        except Problem as problem:
            return problem.response()
        except PodError as error:
            return Problem(
                error.status if error.status in (400, 403, 404, 409) else 500, str(error)
            ).response()

    return answer


async def ask_graphql(parts: Parts, request: Request) -> Response:
    body = read_object(await read_body(request))
    query, variables = body.get("query"), body.get("variables")
    if not isinstance(query, str):
        return JSONResponse(graphql.failure("Must provide query string.", "BAD_REQUEST"), 400)
    operation = graphql.parse(query, variables if isinstance(variables, dict) else {})
    try:
        caller = parts.caller(request)
    except Problem as problem:
        if operation is None or operation.field != graphql.KEYLESS:
            return JSONResponse(graphql.failure("Unauthorized", "UNAUTHENTICATED"), problem.status)
        caller = None
    return JSONResponse(graphql.answer(operation, caller, parts.fleet, parts.clock.now()))


async def refuse(_request: Request, error: Exception) -> Response:
    """Starlette's own refusals (no such route, no such method) in RunPod's words."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = {404: "resource not found", 405: "The requested method is not allowed for this path."}
    return Problem(status, detail.get(status, "request could not be processed")).response()


def build(parts: Parts, routes: list[tuple[str, str, Endpoint]]) -> ASGIApp:
    """The whole API as one ASGI application. ``routes`` are (method, path, endpoint)."""
    table = [("POST", "/graphql", ask_graphql), *routes]
    found = [Route(path, bound(endpoint, parts), methods=[method]) for method, path, endpoint in table]
    handlers = {HTTPException: refuse, Exception: refuse}
    return gateway(Starlette(routes=merge(found), exception_handlers=handlers))


def merge(routes: list[Route]) -> list[Route]:
    """One route per path, so that a wrong method is 405 and not whatever comes first."""
    by_path: dict[str, dict[str, Route]] = {}
    for route in routes:
        for method in route.methods or ():
            by_path.setdefault(route.path, {})[method] = route
    return [Route(path, by_method(methods), methods=list(methods)) for path, methods in by_path.items()]


def by_method(methods: dict[str, Route]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        chosen = methods.get(request.method) or methods["GET"]
        response = await chosen.endpoint(request)
        if isinstance(response, Response):
            return response
        raise TypeError("an endpoint answered something else than a Response")

    return answer


def gateway(app: ASGIApp) -> ASGIApp:
    """What stands in front of RunPod's API: the User-Agent rule, a request id, one request per connection."""

    async def pass_on(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
        request_id = uuid.uuid4().hex.encode()

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers, extra = message.get("headers", []), [(b"x-request-id", request_id)]
                if not any(name == b"connection" for name, _ in headers):
                    extra.append((b"connection", b"close"))
                message = {**message, "headers": [*headers, *extra]}
            await send(message)

        inner = PlainTextResponse(BLOCKED_BODY, 403) if is_blocked(agent.decode("latin-1")) else app
        await inner(scope, receive, stamped)

    return pass_on
