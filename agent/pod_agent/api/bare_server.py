"""uvicorn with four habits changed: no wake-ups while nobody asks, limits on heads and on strangers, a bell at the end.

Strangers who connect and never finish asking must not hold the descriptors that stopping the pod needs.
Imported only when the server starts.
"""

from __future__ import annotations

import asyncio
import resource
import threading
from email.utils import formatdate
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pod_wire.routes import API_VERSION, HEADER_API

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette

MAX_HEAD_BYTES = 64 << 10
GRACE_S = 2
MOST_CONNECTIONS = 256
HEAD_S = 20.0  # from the first byte to the end of the headers


def most_connections(descriptors: int) -> int:
    """How many may be connected at once: a quarter of the descriptors the agent may have."""
    return max(8, min(MOST_CONNECTIONS, descriptors // 4))


class _Protocol(HttpToolsProtocol):
    """Ends a connection that is one too many, or whose head is over the limit or late; the parser would keep any."""

    _head_bytes = 0
    _in_head = True
    _late: asyncio.TimerHandle | None = None
    _most = most_connections(resource.getrlimit(resource.RLIMIT_NOFILE)[0])

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._most:
            transport.abort()
        else:
            self._late = self.loop.call_later(HEAD_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        self._in_head = True
        if self._late is None:  # a further request of the same connection
            self._late = self.loop.call_later(HEAD_S, self.transport.abort)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_time()
        date = (b"date", formatdate(usegmt=True).encode())
        self.server_state.default_headers = [date, *self.config.encoded_headers]
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES + len(data):
                self.send_400_response("Request head too large.")
                return
        super().data_received(data)


class BareServer(uvicorn.Server):
    """Runs in any thread; ``ready`` is set when it answers."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                backlog=64,
                loop="asyncio",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                headers=[(HEADER_API, str(API_VERSION))],
                timeout_keep_alive=60,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell: asyncio.Event | None = None

    async def main_loop(self) -> None:
        """Until ``end``. The date in the answers' headers is each request's own."""
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        await self.on_tick(0)  # sets the headers of every answer
        self.ready.set()
        while not self.should_exit:
            await self._bell.wait()

    def call(self, work: Callable[[], None]) -> None:
        """Have the loop do something; nothing where it does not run."""
        if self._loop is not None and not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(work)
            except RuntimeError:  # closed in between
                return

    def end(self) -> None:
        self.should_exit = True
        self.call(self._ring)

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.set()
