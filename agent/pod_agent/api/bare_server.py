"""uvicorn with three habits changed: no ten wake-ups a second, a limit on headers, an end that others ring.

Imported only when the server starts.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pod_wire.routes import API_VERSION, HEADER_API

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

MAX_HEAD_BYTES = 64 << 10
GRACE_S = 2


class _Protocol(HttpToolsProtocol):
    """Ends a connection whose request line and headers are over the limit; the parser would keep any."""

    _head_bytes = 0
    _in_head = True

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
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

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
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
        """Once a second instead of ten times; the end comes by ``end``."""
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        await self.on_tick(0)  # sets the headers of every answer
        self.ready.set()
        while not await self.on_tick(0):
            try:
                async with asyncio.timeout(1.0):
                    await self._bell.wait()
            except TimeoutError:
                continue

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
