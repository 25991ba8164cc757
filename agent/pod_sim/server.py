"""One simulator at work: its folder, its pods, its port, and its end when nobody needs it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pod_sim import app, log_stream, routes_sim, routes_v2
from pod_sim.fleet import Fleet
from pod_sim.house import House, Pace, Ports, free_port
from pod_sim.proxy import Door, Route, Tunnels
from pod_sim.trouble import Trouble
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_sim.backends.container import Backend
    from pod_sim.state import Store
    from pod_wire.clock import Clock

HOST = "127.0.0.1"
TEND_S = 1.0
log = logging.getLogger("pod_sim")


@dataclass(frozen=True, slots=True)
class Options:
    """How this simulator is run."""

    port: int
    idle_exit_s: float | None
    proxy_silence_s: float
    entrypoint: tuple[str, ...]
    python: str
    host_environment: Mapping[str, str]
    pace: Pace
    gateway: str | None = None  # another address of this machine, by which its pods reach it


class Simulator:
    """Everything of one simulator, put together; ``serve`` runs it to its end."""

    def __init__(self, store: Store, backend: Backend, clock: Clock, options: Options) -> None:
        self._store = store
        self._clock = clock
        self._options = options
        settings = store.settings()
        self._socket = listen(options.port, settings.port)
        port = self._socket.getsockname()[1]
        store.keep_settings(replace(settings, port=port))
        self._url = f"http://{HOST}:{port}"
        self._sockets = [self._socket]
        if options.gateway is not None:
            inner = listen_at(options.gateway, port)
            if inner is None:
                raise PodError(
                    f"cannot listen on port {port} of {options.gateway}, where pods would ask: it is taken",
                    "pass --network host, or another --port",
                )
            self._sockets.append(inner)
        self._key = settings.account_key
        house = House(
            store,
            backend,
            clock,
            ThreadPoolExecutor(32, "pod"),
            options.entrypoint,
            options.python,
            options.host_environment,
            f"http://{options.gateway}:{port}" if options.gateway else self._url,
            options.pace,
            Ports(),
        )
        self._fleet = Fleet(house)
        self._tunnels = Tunnels(self._route, options.proxy_silence_s)
        self._server: Server | None = None

    async def serve(self) -> None:
        parts = app.Parts(
            self._fleet,
            self._store,
            self._clock,
            self._tunnels,
            Trouble(),
            self._key,
            self._url,
            self._shut_down,
            self._is_ending,
        )
        config = uvicorn.Config(
            app.build(parts, [*routes_v2.ROUTES, *log_stream.ROUTES, *routes_sim.ROUTES]),
            http=HttpToolsProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = Server(config, self._tunnels)
        self._fleet.adopt()
        tending = asyncio.create_task(self._tend())
        try:
            await self._server.serve_on(self._sockets, self._announce)
        finally:
            tending.cancel()
            self._store.withdraw()
            self._fleet.leave()

    def _announce(self) -> None:
        self._store.announce(self._url, self._key)
        log.info("simulator=listening url=%s state=%s", self._url, self._store.folder)

    def _shut_down(self) -> None:
        if self._server is not None:
            self._server.should_exit = True

    def _is_ending(self) -> bool:
        return self._server is not None and self._server.should_exit

    async def _tend(self) -> None:
        """Once a second: keep consoles short, and end what nobody uses."""
        loop, limit = asyncio.get_running_loop(), self._options.idle_exit_s
        self._tunnels.used_at = loop.time()
        while True:
            await asyncio.sleep(TEND_S if limit is None else min(TEND_S, limit))
            for life in self._fleet.lives():
                life.console.collect(self._clock.now())
                life.console.trim()
            if len(self._tunnels) or not self._fleet.is_quiet():
                self._tunnels.used_at = loop.time()
            elif limit is not None and loop.time() - self._tunnels.used_at >= limit:
                log.info("simulator=unused minutes=%g", limit / 60)
                self._shut_down()

    def _route(self, pod_id: str, port: int) -> Route:
        """Where the proxy sends a request for a pod's port."""
        record = self._fleet.peek(pod_id)
        if record is None or (record.container is None and not record.status.is_up):
            return Route(None, 404)
        if f"{port}/http" not in record.asked.ports or record.faults.proxy == "404":
            return Route(None, 404)
        if record.faults.proxy == "524":
            return Route(None, 524)
        if record.container is None:
            return Route(None, 502)
        inside = (record.agent_port or port) if port == record.inside_port() else port
        return Route(inside, buffers=record.faults.proxy == "buffer", host=record.container.address)


class Server(uvicorn.Server):
    """uvicorn for the API, behind the door that it shares with the proxy."""

    def __init__(self, config: uvicorn.Config, tunnels: Tunnels) -> None:
        super().__init__(config)
        self._tunnels = tunnels

    async def serve_on(self, listeners: list[socket.socket], announce: object) -> None:
        config = self.config
        config.load()
        self.lifespan = config.lifespan_class(config)
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(lambda: Door(self._api, self._tunnels), sock=listener, backlog=2048)
            for listener in listeners
        ]
        self.started = True
        if callable(announce):
            announce()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        await self.main_loop()
        self._tunnels.cut()
        await self.shutdown(sockets=[])

    def _api(self) -> asyncio.Protocol:
        return HttpToolsProtocol(config=self.config, server_state=self.server_state, app_state={})


def listen(wish: int, before: int) -> socket.socket:
    """The port that is asked for; else the one from before, which living pods know; else any."""
    for port in (wish,) if wish else (before or free_port(), free_port()):
        listener = listen_at(HOST, port)
        if listener is not None:
            return listener
    raise PodError(f"cannot listen on port {wish}: it is taken", "pass --port 0 for any free one")


def listen_at(host: str, port: int) -> socket.socket | None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        return None
    with contextlib.suppress(OSError):
        listener.listen(2048)
    return listener
