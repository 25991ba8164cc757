"""Answers other than log bytes: JSON, and problems (RFC 9457) that name field and remedy, never the input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.responses import Response

from pod_wire.codec import NO_TEXT, plain_json, to_plain
from pod_wire.errors import PodError
from pod_wire.problems import CONTENT_TYPE, to_problem

if TYPE_CHECKING:
    from pod_wire.masker import Masker

# Free text in which a secret may stand; the rest is ours, and a star in a number would break the JSON.
_FREE_TEXT = frozenset(
    [
        "command",
        "reason",
        "remedy",
        "warnings",
        "stop_error",
        "stops_because",
        "resumed_from",
        "path",
        "why",
        "because",
        "belongs",
        "folder",
        "commit",
        "ref",
        "repo",
    ]
)


class Unauthorized(PodError):
    """No token, or not this one."""

    status = 401


def json_answer(value: object, masker: Masker | None = None, status: int = 200) -> Response:
    plain: object = to_plain(value)
    if masker is not None and masker.longest:
        plain = _veiled(plain, masker, free=False)
    return Response(plain_json(plain), status, {"Cache-Control": "no-store"}, "application/json")


def problem_answer(error: PodError, headers: Mapping[str, str] | None = None) -> Response:
    said = {"Cache-Control": "no-store", **(headers or {})}
    return Response(to_problem(error), error.status, said, CONTENT_TYPE)


def _veiled(value: object, masker: Masker, *, free: bool) -> object:
    if isinstance(value, str):
        return masker.mask(value.encode("utf-8", "replace")).decode("utf-8", "replace") if free else value
    if isinstance(value, Mapping):
        return {
            key: item if type(item) in NO_TEXT else _veiled(item, masker, free=key in _FREE_TEXT)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_veiled(item, masker, free=free) for item in value]
    return value
