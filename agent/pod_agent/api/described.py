"""The OpenAPI document of our routes and its page: the one thing that FastAPI is for, imported when first asked for.

It costs 0.4 s of each start of an agent and 12 MB beside the job, and hardly anybody reads the page.
Not here: the routes' work (routes.py), and how they are found (app.py).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

PATHS = ("/openapi.json", "/docs", "/docs/oauth2-redirect")  # FastAPI's own


@dataclass(frozen=True, slots=True)
class Ours:
    """One route of the agent."""

    method: str
    path: str
    route: Callable[[Request], Awaitable[Response]]
    description: str

    @property
    def name(self) -> str:
        return f"{self.method.lower()} {self.path}"


class Page:
    """Answers ``PATHS`` about these routes."""

    def __init__(self, ours: Sequence[Ours]) -> None:
        self._ours = ours
        self._lock = threading.Lock()
        self._app: FastAPI | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = await run_in_threadpool(self._made)  # to import it takes a second, and others want answers
        await app(scope, receive, send)

    def _made(self) -> FastAPI:
        with self._lock:
            if self._app is None:
                self._app = _describe(self._ours)
            return self._app


def _describe(ours: Sequence[Ours]) -> FastAPI:
    from fastapi import FastAPI  # noqa: PLC0415 - most agents are never asked

    app = FastAPI(title="podkeep agent", redoc_url=None)
    for one in ours:
        app.add_api_route(
            one.path,
            one.route,
            methods=[one.method],
            name=one.name,
            description=one.description,
            response_class=Response,
            status_code=202 if one.method == "POST" else 200,
        )
    return app
