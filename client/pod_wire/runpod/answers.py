"""What an answer of RunPod's means in the error tree, and the words by which RunPod says "no machine". Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pod_wire.errors import (
    BadInput,
    Broken,
    Conflict,
    NoCapacity,
    NotFound,
    PodError,
    RateLimited,
    Refused,
    Unfunded,
)
from pod_wire.problems import from_answer

if TYPE_CHECKING:
    from pod_wire.runpod.transport import Answer

CAPACITY_TEXTS: Final = (
    "no longer any instances available",
    "not enough free gpus",
    "does not have the resources",
    "no instances available",
    "something went wrong",
    "try a different machine",
)
_SERVER_ERROR: Final = 500
_BOT_WALL: Final = "1010"  # Cloudflare's refusal of a client without a proper User-Agent


def is_good(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def error_of(what: str, answer: Answer, retry_after_s: float | None = None) -> PodError:
    """The error for an answer that is not good. ``what``: "create the pod", after "cannot"."""
    problem = from_answer(answer.status, answer.body)
    request = answer.headers.get("x-request-id")
    said = f"cannot {what}: {problem.detail}"
    hint = f"RunPod's request id is {request}" if request else ""
    match answer.status:
        case HTTPStatus.UNAUTHORIZED:
            return Refused(
                said, "RunPod does not know this key: check RUNPOD_API_KEY", status_seen=answer.status
            )
        case HTTPStatus.FORBIDDEN:
            wall = _BOT_WALL in problem.detail
            why = "a bot filter refused us, not RunPod" if wall else "the key may not do this"
            return Refused(said, why, status_seen=answer.status)
        case HTTPStatus.PAYMENT_REQUIRED:
            return Unfunded(said, "add credit to the RunPod account")
        case HTTPStatus.NOT_FOUND:
            return NotFound(said, hint)
        case HTTPStatus.CONFLICT:
            return Conflict(said, hint)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimited(said, "ask less often", retry_after_s=retry_after_s)
        case _:
            return _other(answer, said, hint)


def _other(answer: Answer, said: str, hint: str) -> PodError:
    problem = from_answer(answer.status, answer.body)
    if answer.status == HTTPStatus.BAD_REQUEST:
        told = " ".join((problem.detail, *(mistake.problem for mistake in problem.mistakes))).lower()
        if any(text in told for text in CAPACITY_TEXTS):
            return NoCapacity(said, "try another GPU, cloud or data centre, or later")
    if answer.status in {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    }:
        return BadInput(said, problem.mistakes, hint)
    if answer.status >= _SERVER_ERROR:
        return Broken(f"{said} (HTTP {answer.status})", hint)
    return Broken(f"cannot make sense of RunPod's answer: HTTP {answer.status}, {problem.detail}", hint)
