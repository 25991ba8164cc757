"""The door of the simulator: one port for the API and for RunPod's proxy, ``/proxy/{pod}/{port}/{path}``.

A connection carries one request. What is for the proxy is passed on as bytes, both ways, as they come, and nothing is
stripped; everything else goes to the API's protocol. The proxy's own answers are 404, 502, 524 and 403 (error 1010).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pod_sim.keys import is_blocked
from pod_sim.proxy_heads import HEAD_END, PREFIX, own_answer, read_head, rewrite_head

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_HEAD = 1 << 16
MAX_BUFFERED = 1 << 20  # a buffering proxy lets go at this many bytes, or at the end
HIGH_WATER = 1 << 20


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request to the proxy goes: a port of this machine, or a status that the proxy itself answers."""

    port: int | None
    refusal: int = 404
    buffers: bool = False
    host: str = "127.0.0.1"


class Tunnels:
    """Every open connection through the proxy, by pod; who may pass; how much silence is borne."""

    def __init__(self, route: Callable[[str, int], Route], silence_s: float) -> None:
        self.route = route
        self.silence_s = silence_s
        self.used_at = 0.0  # of the event loop's clock
        self._open: dict[Tunnel, str] = {}
        self._cuts: dict[
            str, list[int]
        ] = {}  # by pod: bytes of a request after which it is cut, one request each

    def opened(self, tunnel: Tunnel, pod_id: str) -> None:
        self._open[tunnel] = pod_id

    def closed(self, tunnel: Tunnel) -> None:
        self._open.pop(tunnel, None)

    def cut(self, pod_id: str | None = None) -> int:
        """End every connection of a pod (or all) at once, in the middle of whatever it was saying."""
        chosen = [tunnel for tunnel, owner in self._open.items() if pod_id in (None, owner)]
        for tunnel in chosen:
            tunnel.abort()
        return len(chosen)

    def cut_after(self, pod_id: str, sizes: Sequence[int]) -> None:
        """The next requests that come to so many bytes are cut there, each size once and in this order."""
        self._cuts[pod_id] = list(sizes)

    def cuts_left(self, pod_id: str) -> int:
        return len(self._cuts.get(pod_id, ()))

    def carried(self, tunnel: Tunnel, sent: int) -> None:
        """A request has come to so many bytes; it may be its end."""
        waiting = self._cuts.get(self._open.get(tunnel, ""))
        if waiting and sent >= waiting[0]:
            waiting.pop(0)
            tunnel.abort()

    def __len__(self) -> int:
        return len(self._open)


class Door(asyncio.Protocol):
    """Reads as much of a request as tells whose it is, then hands the connection over for good."""

    def __init__(self, api: Callable[[], asyncio.Protocol], tunnels: Tunnels) -> None:
        self._api = api
        self._tunnels = tunnels
        self._inner: asyncio.Protocol | None = None
        self._head = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._tunnels.used_at = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)
            return
        self._head += data
        target = self._head.partition(b" ")[2]
        if len(target) < len(PREFIX) and b"\n" not in target and PREFIX.startswith(target):
            return
        if not target.startswith(PREFIX):
            self._hand_over(self._api())
        elif HEAD_END in self._head or len(self._head) > MAX_HEAD:
            self._hand_over(Tunnel(self._tunnels))

    def _hand_over(self, inner: asyncio.Protocol) -> None:
        if self._transport is None:
            return
        self._inner = inner
        inner.connection_made(self._transport)
        inner.data_received(self._head)
        self._head = b""

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()


class Tunnel(asyncio.Protocol):
    """The client's side of one request through the proxy."""

    def __init__(self, tunnels: Tunnels) -> None:
        self._tunnels = tunnels
        self._client: asyncio.Transport | None = None
        self._pod: asyncio.Transport | None = None
        self._waiting = b""  # of the request, until the pod is connected
        self._held: bytearray | None = None  # of the answer, where the proxy buffers
        self._answered = False
        self._heard_at = 0.0
        self._sent = 0  # bytes of the request
        self._timer: asyncio.TimerHandle | None = None
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._client = cast("asyncio.Transport", transport)
        self._client.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if self._pod is not None:
            self._pod.write(data)
        elif self._connecting is not None:
            self._waiting += data
        else:
            self._begin(data)
        self._sent += len(data)
        self._tunnels.carried(self, self._sent)

    def _begin(self, data: bytes) -> None:
        head, _, body = data.partition(HEAD_END)
        request = read_head(head) if HEAD_END in data else None
        if request is None or self._client is None:
            self._answer(400)
            return
        if is_blocked(request.user_agent):
            self._answer(403)
            return
        route = self._tunnels.route(request.pod_id, request.port)
        if route.port is None:
            self._answer(route.refusal)
            return
        self._tunnels.opened(self, request.pod_id)
        self._held = bytearray() if route.buffers else None
        peer = self._client.get_extra_info("peername") or ("127.0.0.1",)
        self._waiting = rewrite_head(request, str(peer[0])) + body
        self._client.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect(route.host, route.port))

    async def _connect(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_connection(lambda: PodSide(self), host, port)
        except OSError:
            self._answer(502)
            return
        if self._client is None:
            transport.abort()
            return
        self._pod = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        transport.write(self._waiting)
        self._waiting = b""
        self._heard_at = loop.time()
        self._timer = loop.call_later(self._tunnels.silence_s, self._look)
        self._client.resume_reading()

    def heard(self, data: bytes) -> None:
        """Bytes of the answer."""
        self._heard_at = asyncio.get_running_loop().time()
        if self._client is None:
            return
        if self._held is not None:
            self._held += data
            if len(self._held) < MAX_BUFFERED:
                return
            data = self._let_go()
        self._answered = True
        self._client.write(data)

    def pod_closed(self) -> None:
        self._pod = None
        if self._client is None:
            return
        rest = self._let_go()
        if rest:
            self._answered = True
            self._client.write(rest)
        if self._answered:
            self._client.close()
        else:
            self._answer(502)

    def _let_go(self) -> bytes:
        held = bytes(self._held or b"")
        if self._held is not None:
            self._held.clear()
        return held

    def _look(self) -> None:
        """How long has it been silent? Before the first byte of an answer that is a 524, later the end."""
        silent = asyncio.get_running_loop().time() - self._heard_at
        if silent < self._tunnels.silence_s:
            self._timer = asyncio.get_running_loop().call_later(self._tunnels.silence_s - silent, self._look)
        elif self._answered:
            self.abort()
        else:
            self._answer(524)

    def _answer(self, status: int) -> None:
        if self._client is not None:
            self._answered = True
            self._client.write(own_answer(status))
            self._client.close()
        if self._pod is not None:
            self._pod.abort()

    def abort(self) -> None:
        if self._client is not None:
            self._client.abort()

    def eof_received(self) -> bool:
        return True  # a client may half-close and still wait for its answer

    def connection_lost(self, _exc: Exception | None) -> None:
        self._client = None
        self._tunnels.closed(self)
        self._tunnels.used_at = asyncio.get_running_loop().time()
        if self._timer is not None:
            self._timer.cancel()
        if self._pod is not None:
            self._pod.abort()

    def pause_writing(self) -> None:
        if self._pod is not None:
            self._pod.pause_reading()

    def resume_writing(self) -> None:
        if self._pod is not None:
            self._pod.resume_reading()

    def pause_client(self) -> None:
        if self._client is not None:
            self._client.pause_reading()

    def resume_client(self) -> None:
        if self._client is not None:
            self._client.resume_reading()


class PodSide(asyncio.Protocol):
    """The pod's side of it."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel

    def data_received(self, data: bytes) -> None:
        self._tunnel.heard(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._tunnel.pod_closed()

    def pause_writing(self) -> None:
        self._tunnel.pause_client()

    def resume_writing(self) -> None:
        self._tunnel.resume_client()
