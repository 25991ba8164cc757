"""The border in front of every route: no token, no answer, whatever the path. Raw ASGI, keeps nothing.

Only ``/healthz`` is open. The token comes by ``Authorization: Bearer`` and nowhere else, since addresses are
logged on their way. HEAD is served as GET here, and the server leaves the body out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.api.answers import Unauthorized, problem_answer
from pod_wire.routes import HEALTHZ

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from pod_wire.secrets import TokenRule

_REMEDY = "send Authorization: Bearer and the token that pod-client made, or the one in the pod's token file"


class Border:
    """Lets a request through to ``app`` when it holds the token."""

    def __init__(self, app: ASGIApp, token: TokenRule) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET", "podkeep.head": True}
        if scope["path"] == HEALTHZ or is_allowed(scope["headers"], self._token):
            await self._app(scope, receive, send)
            return
        error = Unauthorized("cannot answer: the token is missing or is not this pod's", _REMEDY)
        await problem_answer(error, {"WWW-Authenticate": "Bearer"})(scope, receive, send)


def is_allowed(headers: list[tuple[bytes, bytes]], token: TokenRule) -> bool:
    """Whether exactly one Authorization header holds the token. Comparing takes the same time for any."""
    given = [value for name, value in headers if name == b"authorization"]
    if len(given) != 1:
        return False
    scheme, _, presented = given[0].partition(b" ")
    if scheme.lower() != b"bearer":
        return False
    return token.accepts(presented.strip().decode("utf-8", "surrogateescape"))
