"""``GET /v2/pods/{id}/logs``: a pod's two logs as server-sent events. Never ends by itself; headers wait for a line."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from pod_sim.console import CONTAINER, SYSTEM
from pod_sim.problems import Problem, invalid
from pod_sim.views import stamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from pod_sim.app import Endpoint, Parts
    from pod_sim.console import Console, Line

MOST_TAIL = 5000
USUAL_TAIL = 100
AT_ONCE = 1000
LOOK_S = 0.1
SEQ_DIGITS = 12
HEADERS = {"Cache-Control": "no-cache", "Connection": "keep-alive", "X-Accel-Buffering": "no"}


def frame(line: Line) -> str:
    data = {"ts": (moment := stamp(line.ts)), "source": line.source, "line": line.text}
    return f"id: {moment}/{line.seq:012d}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


async def stream_logs(parts: Parts, request: Request) -> Response:
    pod_id = request.path_params["id"]
    caller = parts.caller(request)
    caller.must_own(pod_id)
    source, tail = _asked(request)
    if caller.pod is None:
        parts.trouble.before("logs")
    life = parts.fleet.life(pod_id)
    if caller.pod is not None and life.record.faults.refuse_read:
        raise Problem(403, "access denied")
    console = life.console
    console.collect(parts.clock.now())
    seq = _begin(request, console)
    first = console.tail(tail, source) if seq is None else []
    following = _follow(parts, request, console, source, console.last if seq is None else seq)
    begun = "".join(map(frame, first)) or await anext(following, "")
    return StreamingResponse(_joined(begun, following), headers=HEADERS, media_type="text/event-stream")


async def _joined(begun: str, following: AsyncIterator[str]) -> AsyncIterator[str]:
    yield begun
    async for frames in following:
        yield frames


async def _follow(
    parts: Parts, request: Request, console: Console, source: str | None, seq: int
) -> AsyncIterator[str]:
    """Frames as lines come, until the reader has gone or the simulator goes."""
    while not parts.is_ending() and not await request.is_disconnected():
        console.collect(parts.clock.now())
        lines, seq = console.after(seq, source, AT_ONCE)
        if lines:
            yield "".join(map(frame, lines))
        else:
            await asyncio.sleep(LOOK_S)


def _asked(request: Request) -> tuple[str | None, int]:
    """Which log, and how many lines of it from before."""
    source, tail = request.query_params.get("source"), request.query_params.get("tail", str(USUAL_TAIL))
    errors = []
    if source not in (None, CONTAINER, SYSTEM):
        errors.append(f"source: value must be one of {CONTAINER}, {SYSTEM}")
    if not (tail.isascii() and tail.isdecimal()) or len(tail) > len(str(MOST_TAIL)) or int(tail) > MOST_TAIL:
        errors.append(f"tail: want integer from 0 to {MOST_TAIL}")
    if errors:
        raise invalid(errors)
    return source, int(tail)


def _begin(request: Request, console: Console) -> int | None:
    """The number of the line after which to begin; None where the tail says it."""
    last, since = request.headers.get("last-event-id"), request.query_params.get("since")
    if last:
        moment, _, seq = last.partition("/")
        if seq.isascii() and seq.isdecimal() and len(seq) == SEQ_DIGITS:
            return int(seq)
        return console.before(_moment(moment, "Last-Event-ID"), is_shown=True)
    return None if since is None else console.before(_moment(since, "since"), is_shown=False)


def _moment(text: str, name: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid([f"{name}: want date-time as in RFC 3339"])
    return moment.timestamp()


ROUTES: list[tuple[str, str, Endpoint]] = [("GET", "/v2/pods/{id}/logs", stream_logs)]
