"""Answers with a log's bytes: a known range, or a stream that follows the log and ends itself.

Raw ASGI, because a message per megabyte and one read ahead are what make it fast. Files are read in threads, but for
the newest bytes of a local one. A client that reads slowly slows its own stream: three blocks at most wait for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

from pod_agent.api.followers import Follower, Followers
from pod_agent.outputs.growth import Growth, Patience
from pod_agent.outputs.masked import BLOCK, MaskedLog, MaskedView, Piece, tail_offset
from pod_wire.errors import PodError
from pod_wire.frozen import dataclass
from pod_wire.routes import HEADER_LOG, HEADER_LOG_END, HEADER_LOG_START

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from pod_agent.api.desk import Desk
    from pod_agent.api.query import LogQuery

STALLED_S = 5.0  # how much longer than it should a following answer may last because its client does not read


class OutOfRange(PodError):
    """An offset after the log's end."""

    status = 416

    def __init__(self, message: str, hint: str, headers: dict[str, str]) -> None:
        super().__init__(message, hint)
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Opened:
    """A log that was opened for an answer: where it begins, and where it ended at that moment."""

    view: MaskedView
    growth: Growth | None
    log_id: str
    start: int
    end: int


def open_log(log: MaskedLog, query: LogQuery) -> Opened:
    """Open and find the range. Blocks; FileNotFoundError where there is no log."""
    view = log.view()
    try:
        log_id = log.id
        end = view.end()
        start = _start(log, view, query, end)
        _check(start, max(end, view.size()), log_id, end)
        growth = Growth(log.log.path) if query.follow else None
    except BaseException:
        view.close()
        raise
    return Opened(view, growth, log_id, start, max(start, end))


def _check(start: int, size: int, log_id: str, end: int) -> None:
    if start > size:
        raise OutOfRange(
            f"cannot read log {log_id} from that offset: it holds {end} bytes",
            "where the id differs from yours it is another log: begin at 0; else begin at Podkeep-Log-End",
            {HEADER_LOG: log_id, HEADER_LOG_END: str(end)},
        )


def _start(log: MaskedLog, view: MaskedView, query: LogQuery, end: int) -> int:
    if query.tail is not None:
        return tail_offset(view, query.tail)
    if query.since is not None:
        return min(end, log.offset_since(query.since))
    return query.offset or 0


class LogAnswer(Response):
    """The answer to a request for log bytes. Owns what was opened for it."""

    def __init__(
        self,
        opened: Opened,
        query: LogQuery,
        *,
        readers: Desk,
        followers: Followers,
        is_complete: Callable[[], bool],
        follow_s: float,
    ) -> None:
        self.status_code = 200
        self.background = None
        self._opened = opened
        self._readers = readers
        self._followers = followers
        self._is_complete = is_complete
        self._follow_s = follow_s
        self._follow = query.follow
        self._position = opened.start
        self._reading: asyncio.Task[Piece] | None = None
        stop = opened.end if not query.follow else None
        if query.limit is not None:
            wanted = opened.start + query.limit
            stop = wanted if stop is None else min(stop, wanted)
        self._stop = stop
        self.init_headers(self._said())

    def _said(self) -> dict[str, str]:
        headers = {
            "Content-Type": "application/octet-stream",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
            HEADER_LOG: self._opened.log_id,
            HEADER_LOG_START: str(self._opened.start),
        }
        if not self._follow:
            headers[HEADER_LOG_END] = str(self._opened.end)
            headers["Content-Length"] = str((self._stop or 0) - self._opened.start)
        return headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            if scope.get("podkeep.head"):
                await _end(send)
            elif self._follow:
                await self._follow_log(receive, send)
            else:
                await self._send_range(receive, send)
        finally:
            if self._reading is not None:
                self._reading.cancel()
            self._opened.view.close()
            if self._opened.growth is not None:
                self._opened.growth.close()

    def _begin_read(self) -> asyncio.Task[Piece]:
        position, limit = self._position, self._limit()
        work = self._readers.do(lambda: self._opened.view.piece(position, limit))
        self._reading = asyncio.ensure_future(work)
        return self._reading

    def _limit(self) -> int:
        return BLOCK if self._stop is None else min(BLOCK, self._stop - self._position)

    async def _next(self) -> bytes:
        """The next block. A line or two on a local disk are read here: a change of threads costs more."""
        if self._reading is None and self._opened.view.is_near(self._position):
            data = self._opened.view.piece(self._position, self._limit()).data
        else:
            data = (await (self._reading or self._begin_read())).data
            self._reading = None
        self._position += len(data)
        return data

    async def _send(self, send: Send, data: bytes) -> None:
        """Pass a block on, and read the next one meanwhile where there is sure to be one."""
        if len(data) == BLOCK and self._position != self._stop:
            self._begin_read()
        await send({"type": "http.response.body", "body": data, "more_body": True})

    async def _send_range(self, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            while not gone.done() and self._position != self._stop and (data := await self._next()):
                await self._send(send, data)
            await _end(send)
        finally:
            gone.cancel()

    async def _follow_log(self, receive: Receive, send: Send) -> None:
        follower = Follower(self._opened.log_id, self._position)
        self._followers.add(follower)
        gone = asyncio.ensure_future(_until_gone(receive))
        gone.add_done_callback(lambda _: follower.wake.set())
        loop = asyncio.get_running_loop()
        events = self._opened.growth.fileno() if self._opened.growth is not None else None
        if events is not None:
            loop.add_reader(events, self._grew, follower)
        completed, cut = False, True
        try:
            async with asyncio.timeout(self._follow_s + STALLED_S):
                completed = await self._pass_on(follower, gone, send)
                cut = gone.done()
                await _end(send)
        except TimeoutError:  # its client does not read: the connection is closed under it
            completed, cut = False, True
        finally:
            if events is not None:
                loop.remove_reader(events)
            gone.cancel()
            self._followers.remove(follower, completed=completed, cut=cut)

    def _grew(self, follower: Follower) -> None:
        if self._opened.growth is not None:
            self._opened.growth.drain()
        follower.wake.set()

    async def _pass_on(self, follower: Follower, gone: asyncio.Future[None], send: Send) -> bool:
        """Send what comes until the time is up; True when its client has just learned that nothing more comes.

        A client that had everything before it asked learns nothing: it is about to look at the status in any case.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._follow_s
        patience = Patience()
        is_news = False
        while not gone.done() and loop.time() < until and self._position != self._stop:
            is_fresh = self._reading is None  # a read that was begun earlier says nothing about the end
            is_last = is_fresh and (self._followers.finishing or self._is_complete())  # asked before reading
            if is_fresh:
                follower.wake.clear()
            data = await self._next()
            if data:
                is_news = follower.owed = True
                patience.grew()
                await self._send(send, data)
                follower.position = self._position
            if len(data) == BLOCK or not is_fresh:
                continue
            if is_last:
                return is_news
            if not data and await self._is_lost():
                return False
            follower.owed = False
            is_news = True
            await _wait(follower.wake, min(patience.next(), until - loop.time()))
        return False

    async def _is_lost(self) -> bool:
        """Whether what we read is no longer the job's log, or has become shorter than what was sent."""
        view, position = self._opened.view, self._position
        return await self._readers.do(lambda: not view.is_current() or view.size() < position)


async def _end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _wait(wake: asyncio.Event, seconds: float) -> None:
    """Until the event or the time, whichever comes first."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await wake.wait()
    except TimeoutError:
        return
