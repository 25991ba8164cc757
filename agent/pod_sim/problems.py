"""RunPod's errors: ``application/problem+json`` with title, status, detail and, for a body out of contract, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_INSTANCES = (
    "There are no longer any instances available with the requested specifications. "
    "Please refresh and try again."
)
NO_DISK = "You must either provide a template id or pod configuration parameters"
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


class Problem(Exception):
    """An answer that is not a success."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        body: dict[str, object] = {"title": TITLES[self.status], "status": self.status, "detail": self.detail}
        if self.errors:
            body["errors"] = list(self.errors)
        return JSONResponse(body, self.status, self.headers, "application/problem+json")


def invalid(errors: list[str]) -> Problem:
    return Problem(422, "Request validation failed.", tuple(errors))


def not_found(what: str = "pod") -> Problem:
    return Problem(404, f"{what} not found")
