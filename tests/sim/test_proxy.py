"""The door: bytes through the proxy as they come, and the proxy's own answers. Real sockets, no pods."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from pod_sim.proxy import Door, Route, Tunnels
from tests.live import PATIENCE_S

REQUEST = b"GET /proxy/pod1/8787/x HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
SOON_S = PATIENCE_S / 2  # before the proxy itself has lost its patience with a silent pod
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Stage:
    """A door, the pod behind it, and how the proxy routes at the moment."""

    port: int
    route: Route
    tunnels: Tunnels | None = None

    async def client(self, request: bytes = REQUEST) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        writer.write(request)
        return reader, writer

    async def ask(self, request: bytes = REQUEST) -> bytes:
        reader, writer = await self.client(request)
        answer = await reader.read()
        writer.close()
        return answer


class Api(asyncio.Protocol):
    """What is not for the proxy."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"api saw " + data)
        self.transport.close()


@contextlib.asynccontextmanager
async def stage(serve: Serve, silence_s: float = PATIENCE_S) -> AsyncIterator[Stage]:
    serving: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        try:
            await serve(reader, writer)
            writer.close()
        except (ConnectionError, asyncio.CancelledError):
            writer.transport.abort()

    pod = await asyncio.start_server(handle, "127.0.0.1", 0)
    found = Stage(0, Route(pod.sockets[0].getsockname()[1]))
    found.tunnels = Tunnels(lambda _pod, _port: found.route, silence_s)
    loop = asyncio.get_running_loop()
    door = await loop.create_server(lambda: Door(Api, found.tunnels), "127.0.0.1", 0)
    found.port = door.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        found.tunnels.cut()
        pod.close()
        door.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)
        await asyncio.sleep(0.02)


async def say(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"hello")


async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"one")
    await asyncio.Event().wait()


async def nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def test_an_answer_passes_unchanged():
    """The pod's bytes arrive as they were sent."""

    async def scene() -> None:
        async with stage(say) as here:
            assert await here.ask() == OK + b"hello"

    asyncio.run(scene())


def test_everything_else_goes_to_the_api():
    """A request that is not under /proxy/ reaches the API's protocol whole, however it is cut into packets."""

    async def scene() -> None:
        async with stage(say) as here:
            reader, writer = await here.client(b"GET /pro")
            await asyncio.sleep(0.02)
            writer.write(b"file HTTP/1.1\r\n\r\n")
            assert await reader.read() == b"api saw GET /profile HTTP/1.1\r\n\r\n"
            writer.close()

    asyncio.run(scene())


def test_a_head_in_pieces_is_still_one_request():
    """The proxy waits for the end of the head."""

    async def scene() -> None:
        async with stage(say) as here:
            reader, writer = await here.client(b"G")
            for byte in range(1, len(REQUEST)):
                writer.write(REQUEST[byte : byte + 1])
                await asyncio.sleep(0)
            assert await reader.read() == OK + b"hello"
            writer.close()

    asyncio.run(scene())


def test_a_stream_is_passed_on_at_once():
    """The first chunk arrives while the pod still says nothing more."""

    async def scene() -> None:
        async with stage(drip) as here:
            reader, writer = await here.client()
            assert await asyncio.wait_for(reader.readexactly(len(OK) + 3), SOON_S) == OK + b"one"
            writer.close()

    asyncio.run(scene())


def test_a_body_is_passed_on_in_both_directions():
    """Two megabytes up and down again arrive whole."""
    body = bytes(range(256)) * 8192

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + await reader.readexactly(len(body)))
        await writer.drain()

    async def scene() -> None:
        async with stage(echo) as here:
            assert await here.ask(REQUEST + body) == OK + body

    asyncio.run(scene())


def test_a_slow_reader_holds_the_pod_back():
    """The proxy does not keep what the client has not read: the pod's writing stops."""
    sent = 0

    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while sent < 256 << 20:
            writer.write(bytes(1 << 20))
            await writer.drain()
            sent += 1 << 20

    async def scene() -> None:
        async with stage(pour) as here:
            _, writer = await here.client()
            before = -1
            async with asyncio.timeout(SOON_S):
                while before != sent or sent == 0:
                    before = sent
                    await asyncio.sleep(0.1)
            assert sent < 64 << 20
            writer.transport.abort()

    asyncio.run(scene())


def test_nobody_listening_is_502():
    """A pod whose program does not listen yet is 502."""

    async def scene() -> None:
        async with stage(say) as here:
            here.route = Route(1)
            assert (await here.ask()).startswith(b"HTTP/1.1 502 ")

    asyncio.run(scene())


def test_an_unknown_pod_is_404_and_a_default_client_is_403():
    """404 has no route; Python's default User-Agent is 403 with error code 1010."""

    async def scene() -> None:
        async with stage(say) as here:
            blocked = REQUEST.replace(b"Host: x", b"User-Agent: Python-urllib/3.11")
            assert (await here.ask(blocked)).endswith(b"error code: 1010")
            here.route = Route(None, 404)
            assert (await here.ask()).startswith(b"HTTP/1.1 404 ")

    asyncio.run(scene())


def test_requests_are_cut_where_they_come_to_so_many_bytes():
    """Each number cuts one request, those that stay below it pass, and then all pass again."""

    async def scene() -> None:
        async with stage(say) as here:
            here.tunnels.cut_after("pod1", [400, 5000])
            assert (await here.ask()).endswith(b"hello"), "a short one stays below"
            for size, left in ((2000, 1), (2000, 1), (9000, 0)):
                reader, writer = await here.client(REQUEST + b"x" * size)
                with contextlib.suppress(ConnectionResetError):
                    await asyncio.wait_for(reader.read(), SOON_S)
                writer.close()
                assert here.tunnels.cuts_left("pod1") == left
            assert (await here.ask()).endswith(b"hello")

    asyncio.run(scene())


def test_cut_ends_a_pods_connections_once():
    """Cutting ends what is open, and what comes next passes again."""

    async def scene() -> None:
        async with stage(drip) as here:
            reader, writer = await here.client()
            await reader.readexactly(len(OK) + 3)
            assert here.tunnels.cut("another pod") == 0
            assert here.tunnels.cut("pod1") == 1
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), SOON_S) == b""
            again, second = await here.client()
            assert await asyncio.wait_for(again.readexactly(len(OK) + 3), SOON_S) == OK + b"one"
            writer.close()
            second.close()

    asyncio.run(scene())


def test_a_buffering_proxy_holds_a_stream_until_its_end():
    """In buffer mode nothing arrives before the pod has finished, then everything."""
    finish = asyncio.Event()

    async def wait(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"one")
        await finish.wait()
        writer.write(b"two")

    async def scene() -> None:
        async with stage(wait) as here:
            here.route = Route(here.route.port, buffers=True)
            reader, writer = await here.client()
            with contextlib.suppress(TimeoutError):
                assert await asyncio.wait_for(reader.read(1), 0.1) == b"nothing is expected"
            finish.set()
            assert await asyncio.wait_for(reader.read(), SOON_S) == OK + b"onetwo"
            writer.close()

    asyncio.run(scene())


def test_a_head_without_an_end_is_refused():
    """More than 64 KiB of headers are 400, and nothing reaches the pod."""

    async def scene() -> None:
        async with stage(nothing) as here:
            endless = REQUEST.removesuffix(b"\r\n") + b"X: " + b"y" * (1 << 16)
            assert (await here.ask(endless)).startswith(b"HTTP/1.1 400 ")

    asyncio.run(scene())
