"""The line between a follower and RunPod's proxy: late by some milliseconds, and it writes down what is asked.

What is on its way when the line is cut never arrives. Not here: the cut itself, which is the simulator's fault route.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

LATE_S = 0.03
ASKS_FOR_LOG = re.compile(rb"GET \S*/logs\?(\S*) ")


@dataclass(slots=True)
class Asked:
    """A request for the log: from where, where the log ended just then, how much of the answer has been passed on."""

    offset: int
    end: int
    passed_on: int = 0
    is_open: bool = True


@dataclass(slots=True)
class Line:
    """Use as a context manager. ``log_size`` says how much there is to follow."""

    target: int
    log_size: Callable[[], int]
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task] = field(default_factory=set)

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="line")
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def drop(self) -> None:
        """Whatever is on its way is lost; every connection breaks."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(self._break, done)
        done.wait()

    def stream(self, after: int = 0) -> Asked | None:
        """The log's answer that is being passed on now, if it was asked for after so many others."""
        return next((one for one in reversed(self.asked[after:]) if one.is_open), None)

    def _break(self, done: threading.Event) -> None:
        for writer in self._open:
            transport = writer.transport
            plug = transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        done.set()

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self._open.add(writer)
        try:
            await self._relay(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._open.discard(writer)
            self._tasks.discard(task)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(LATE_S)
        log = None
        if found := ASKS_FOR_LOG.match(head):
            offset = re.search(rb"offset=(\d+)", found[1])
            log = Asked(int(offset[1]) if offset else -1, self.log_size())
            self.asked.append(log)
        there, onwards = await asyncio.open_connection("127.0.0.1", self.target)
        onwards.write(head)
        upwards = asyncio.ensure_future(_pass_on(reader, onwards))
        try:
            await self._answer(there, writer, log)
        finally:
            if log is not None:
                log.is_open = False
            upwards.cancel()
            onwards.transport.abort()

    async def _answer(
        self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, log: Asked | None
    ) -> None:
        """Pass an answer on, each piece late by the same time."""
        under_way: collections.deque[bytes] = collections.deque()
        loop = asyncio.get_running_loop()

        def arrive() -> None:
            data = under_way.popleft()
            if not writer.transport.is_closing():
                writer.write(data)
                if log is not None:
                    log.passed_on += len(data)

        try:
            while not writer.transport.is_closing() and (data := await there.read(1 << 16)):
                under_way.append(data)
                loop.call_later(LATE_S, arrive)
        finally:
            if under_way and not writer.transport.is_closing():
                await asyncio.sleep(2 * LATE_S)
        with contextlib.suppress(OSError):
            await writer.drain()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
