"""What each route does: functions over the House. A GET changes nothing; a POST asks the run, no more."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from starlette.requests import Request  # noqa: TC002 - FastAPI reads the routes' annotations
from starlette.responses import Response

from pod_agent.api.answers import json_answer, problem_answer
from pod_agent.api.body import read_body, read_object
from pod_agent.api.house import House  # noqa: TC001 - FastAPI reads the routes' annotations
from pod_agent.api.log_stream import LogAnswer, OutOfRange, open_log
from pod_agent.api.query import read_events_query, read_log_query
from pod_agent.run.asks import Ask, Cancel, GiveOrder, Restart, Stop
from pod_wire.errors import BadInput, Conflict, Mistake, NotFound, RateLimited
from pod_wire.orders import new_order_id
from pod_wire.parse import parse_body
from pod_wire.routes import HEADER_ORDER, HEADER_READER, HEADER_TRACE
from pod_wire.status import JobStatus, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_ENDED = (Phase.WAITING, Phase.FINISHED, Phase.STOPPING)
_NO_JOB = "give one: pod-client up, or POST /jobs; /status says what the pod waits for"
LONGEST_MARK = 64
_ORDER_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


async def healthz(house: House, _request: Request) -> Response:
    """Alive, and what anybody may know. Reads memory only."""
    status = house.parts.snapshot()
    return json_answer(
        {
            "alive": True,
            "phase": status.phase,
            "self_stop": status.self_stop,
            "version": status.version,
            "format": 1,
        }
    )


async def status(house: House, request: Request) -> Response:
    """The whole pod at this moment."""
    house.parts.asked()
    snapshot = house.parts.snapshot()
    is_final = snapshot.job is not None and snapshot.job.outcome is not None
    house.followers.status_was_read(final=is_final, by=_reader(request))
    return json_answer(snapshot, house.parts.masker)


async def jobs(house: House, _request: Request) -> Response:
    """The jobs this pod knows of: its current one, if any."""
    current = house.parts.snapshot().job
    return json_answer({"format": 1, "jobs": [current] if current else []}, house.parts.masker)


async def one_job(house: House, request: Request) -> Response:
    """One job by its name."""
    house.parts.asked()
    job = _job(house, request)
    house.followers.status_was_read(final=job.outcome is not None, by=_reader(request))
    return json_answer(job, house.parts.masker)


async def logs(house: House, request: Request) -> Response:
    """Raw bytes of a job's log from an offset; with ``follow`` as they come."""
    query = read_log_query(request.query_params.multi_items())
    name = request.path_params.get("job")
    log = await house.readers.do(lambda: house.parts.log(name))
    if log is None:
        raise NotFound("cannot read the log: there is no such job", _NO_JOB)
    if query.follow and house.followers.is_full:
        raise RateLimited("cannot follow the log: too many already do", "read by offset, or try again", 5.0)
    try:
        opened = await house.readers.do(lambda: open_log(log, query))
    except FileNotFoundError:
        raise NotFound("cannot read the log: it was not begun yet", "ask again in a moment") from None
    except OutOfRange as error:
        return problem_answer(error, error.headers)
    return LogAnswer(
        opened,
        query,
        readers=house.readers,
        followers=house.followers,
        is_complete=lambda: not log.live() and _is_over(house, name),
        follow_s=house.parts.follow_seconds,
    )


async def events(house: House, request: Request) -> Response:
    """The journal from an offset, whole lines only."""
    offset = read_events_query(request.query_params.multi_items())
    path = house.parts.journal()
    if path is None:
        raise NotFound("cannot read the journal: there is no job yet", _NO_JOB)
    try:
        data, size = await house.readers.do(lambda: _whole_lines(path, offset))
    except OutOfRange as error:
        return problem_answer(error, error.headers)
    if house.parts.masker is not None:
        data = house.parts.masker.mask(data)
    headers = {HEADER_TRACE: str(size), "Cache-Control": "no-store"}
    return Response(data, 200, headers, "application/x-ndjson")


async def metrics(house: House, _request: Request) -> Response:
    """Prometheus text, made from the same snapshot as ``/status`` and the newest look at the machine."""
    from pod_agent.api.metrics import CONTENT_TYPE, render  # noqa: PLC0415 - costs memory only if scraped

    return Response(render(house.parts.snapshot(), house.parts.vitals()), 200, {"Content-Type": CONTENT_TYPE})


async def checkpoints(house: House, _request: Request) -> Response:
    """The job's checkpoints: whole or not and why, and which one the next attempt gets. Judged anew each time."""
    found = await house.lister.ask("list the checkpoints", house.parts.checkpoints)
    return json_answer(found, house.parts.masker)


async def give_order(house: House, request: Request) -> Response:
    """A job to run. The order's id is made here unless the client brings one, so that it may ask twice."""
    body = await read_body(request.stream(), request.headers.get("content-length"))
    wanted = read_object(body, request.headers.get("content-type"))
    parsed = parse_body(wanted, on_runpod=house.parts.snapshot().pod is not None)
    order = request.headers.get(HEADER_ORDER) or new_order_id()
    if not _ORDER_ID.fullmatch(order):
        raise BadInput(
            "cannot take the order", (Mistake(HEADER_ORDER, "is no order id", "1-64 of A-Z a-z 0-9 . _ -"),)
        )
    if parsed.spec is None:
        raise BadInput(
            "cannot take the order: it asks for nothing", (Mistake("command", "is missing", "give one"),)
        )
    said = {"job": parsed.spec.name, "order": order, "warnings": parsed.warnings}
    return await _ask(house, GiveOrder(parsed.spec, order), said)


async def cancel(house: House, request: Request) -> Response:
    """End the job; what it saved stays."""
    await read_body(request.stream(), request.headers.get("content-length"))
    name = _job(house, request).name
    return await _ask(house, Cancel(name), {"job": name})


async def restart(house: House, request: Request) -> Response:
    """End the attempt and resume under the same order."""
    await read_body(request.stream(), request.headers.get("content-length"))
    name = _job(house, request).name
    return await _ask(house, Restart(name), {"job": name})


async def stop(house: House, request: Request) -> Response:
    """Stop the pod."""
    await read_body(request.stream(), request.headers.get("content-length"))
    return await _ask(house, Stop(), {})


async def _ask(house: House, ask: Ask, said: Mapping[str, object]) -> Response:
    verdict = await house.askers.do(lambda: house.parts.ask(ask))
    if not verdict.accepted:
        raise Conflict(verdict.reason or "cannot do this now", verdict.remedy)
    return json_answer({"accepted": True, "reason": verdict.reason, **said}, house.parts.masker, 202)


def _reader(request: Request) -> str:
    """Who asks, where they say so: a client keeps its mark as long as it lives."""
    return request.headers.get(HEADER_READER, "")[:LONGEST_MARK]


def _job(house: House, request: Request) -> JobStatus:
    job = house.parts.snapshot().job
    if job is None or job.name != request.path_params["job"]:
        raise NotFound("cannot find this job: this pod does not have it", "GET /jobs names the one it has")
    return job


def _is_over(house: House, name: str | None) -> bool:
    """Whether nothing more can come: the job has ended, or it is not the current one."""
    job = house.parts.snapshot().job
    return job is None or (name is not None and job.name != name) or job.phase in _ENDED


def _whole_lines(path: Path, offset: int) -> tuple[bytes, int]:
    """Up to a megabyte of whole lines from an offset, and the journal's size."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b"", 0
    try:
        size = os.fstat(fd).st_size
        data = os.pread(fd, 1 << 20, offset)
    finally:
        os.close(fd)
    if offset > size:
        said = {HEADER_TRACE: str(size)}
        raise OutOfRange(
            f"cannot read the journal from that offset: it holds {size} bytes", "begin at 0", said
        )
    return data[: data.rfind(b"\n") + 1], size
