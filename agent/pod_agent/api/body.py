"""Request bodies: counted while they arrive, looked over before they are parsed. Nothing of them is echoed.

Depth, values and digits are limited on the raw bytes, so that no parser ever sees a bomb.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING

from pod_wire.errors import BadInput, PodError
from pod_wire.routes import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

MAX_DEPTH = 8
MAX_VALUES = 1000
_DIGITS = re.compile(rb"[0-9]{100}")
# Possessive, and an unclosed string reaches to the end: one pass whatever the bytes are.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


class TooLarge(PodError):
    """A body over the limit."""

    status = 413


class WrongType(PodError):
    """A body that does not call itself JSON."""

    status = 415


async def read_body(chunks: AsyncIterator[bytes], announced: str | None) -> bytes:
    """The whole body. Stops reading at the limit, whether or not a length was announced."""
    too_large = TooLarge(f"cannot read the body: it is over {MAX_BODY_BYTES} bytes", "send a smaller one")
    if announced is not None and (not announced.isdigit() or int(announced[:20]) > MAX_BODY_BYTES):
        raise too_large
    body = bytearray()
    async for chunk in chunks:
        if len(body) + len(chunk) > MAX_BODY_BYTES:
            raise too_large
        body += chunk
    return bytes(body)


def read_object(body: bytes, content_type: str | None) -> Mapping[str, object]:
    """The JSON object in a body."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WrongType(
            "cannot read the body: it is not announced as JSON", "send Content-Type: application/json"
        )
    _look_over(body)
    try:
        value: object = json.loads(
            body, object_pairs_hook=_without_twins, parse_constant=_refuse_number, parse_float=_finite
        )
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise _not_json("it is not well-formed") from None
    if not isinstance(value, dict):
        raise _not_json("it is not an object")
    return value


def _look_over(body: bytes) -> None:
    bare = _STRING.sub(b"", body)
    if bare.count(b",") > MAX_VALUES or _DIGITS.search(bare):
        raise _not_json("it holds too many values or too long a number")
    depth = 0
    for bracket in itertools.islice(_BRACKETS.finditer(bare), 4 * MAX_VALUES):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > MAX_DEPTH:
            raise _not_json(f"it is nested deeper than {MAX_DEPTH}")


def _not_json(problem: str) -> BadInput:
    return BadInput(
        f"cannot read the body as JSON: {problem}", hint="send one JSON object with the job's fields"
    )


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse_number(_: str) -> float:
    raise ValueError("no such number in JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError("too large a number")
    return value
