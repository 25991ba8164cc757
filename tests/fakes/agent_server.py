"""A pod's agent as far as the client can tell: real HTTP on loopback, a log in memory, and every fault on request.

It runs no job. A test appends to the log, sets the status, and cuts, buffers or hides what a proxy would.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from pod_wire import routes
from pod_wire.checkpoints import CheckpointList
from pod_wire.codec import to_json
from pod_wire.receipt import Receipt
from pod_wire.status import JobStatus, LogPlace, Outcome, Phase, SelfStop, Status

PIECE = 1 << 16


class FakeAgent:
    """Use as a context manager. ``behind``: "agent", or what a proxy without it answers (502, 404)."""

    def __init__(self, job: str = "job", token: str = "t" * 43, port: int = 0) -> None:
        self.token = token
        self.log = bytearray()
        self.log_id = "log-1"
        self.behind: int | None = None
        self.cut_after: list[int] = []  # each following answer is cut after so many bytes
        self.truncate_with_length = False  # the cut answer promised a Content-Length
        self.buffered = False  # a proxy that holds streams back
        self.full = False  # too many follow already
        self.shrinks = False  # the next answer with a range is cut, and the log is shorter from then on
        self.follow_s = 85.0
        self.requests: list[tuple[str, str]] = []
        self.offsets: list[int] = []
        self.bodies: list[dict[str, object]] = []
        self.orders: list[str | None] = []
        self.refusal: tuple[int, str] | None = None  # for every POST
        self.answers_lost = 0  # so many POSTs are taken, and their answers never arrive
        self.wants: str | None = None  # the agent that the pod waits for, having none
        self.brought: list[tuple[str, bytes]] = []  # what came instead: path, body
        self.loses_agents = 0  # so many never arrive
        self.changed = threading.Condition()
        self.streams: set[socket.socket] = set()  # every open connection, also of idle ones
        self.closed = False
        self.status = Status(
            version="0",
            now=time.time(),
            phase=Phase.RUNNING,
            self_stop=SelfStop.PROVED,
            pod="pod1",
            price_per_hour=0.5,
            job=JobStatus(job, "hash", Phase.RUNNING, order="order-0", log=LogPlace(self.log_id, 0)),
        )
        self.checkpoints = CheckpointList(self.status.now)
        self.receipt: Receipt | None = None
        self.readers: list[str | None] = []  # the marks of those who asked for the status
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.agent = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True
        self._server.shutdown()
        self.cut()
        self._thread.join()
        self._server.server_close()

    def write(self, data: bytes) -> None:
        with self.changed:
            self.log += data
            self._settle()

    def finish(
        self, outcome: Outcome = Outcome.SUCCEEDED, phase: Phase = Phase.FINISHED, **job: object
    ) -> None:
        with self.changed:
            assert self.status.job is not None
            ended = replace(self.status.job, outcome=outcome, phase=phase, **job)
            self.status = replace(self.status, phase=phase, job=ended)
            self._settle()

    def lose_log(self, data: bytes, log_id: str = "log-2") -> None:
        """Another file from now on, as after the loss of the volume."""
        with self.changed:
            self.log, self.log_id = bytearray(data), log_id
            self._settle()
        self.cut()

    def cut(self) -> None:
        """All open streams, now."""
        for stream in list(self.streams):
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def _settle(self) -> None:
        assert self.status.job is not None
        job = replace(self.status.job, log=LogPlace(self.log_id, len(self.log)))
        self.status = replace(self.status, job=job, now=time.time())
        self.changed.notify_all()

    def is_over(self) -> bool:
        return self.status.job is not None and self.status.job.outcome is not None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    agent: FakeAgent

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.agent.streams.add(self.connection)

    def finish(self) -> None:
        self.server.agent.streams.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle_one_request(self) -> None:
        """A server that was closed answers nobody, also not on connections that it had."""
        super().handle_one_request()
        self.close_connection = self.close_connection or self.server.agent.closed

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        agent = self.server.agent
        path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        if agent.closed:
            self.close_connection = True
            return
        agent.requests.append(("GET", self.path))
        if agent.behind is not None:
            self._send(agent.behind, b"<html>proxy</html>", ours=False)
        elif agent.wants is not None:
            self._send(503, b'{"detail": "no agent yet"}', headers={routes.HEADER_WANTS: agent.wants})
        elif path == routes.HEALTHZ:
            self._send(
                200, to_json({"phase": agent.status.phase, "self_stop": agent.status.self_stop, "format": 1})
            )
        elif self.headers.get("Authorization") != f"Bearer {agent.token}":
            self._send(401, b'{"detail": "no token"}')
        elif path == routes.STATUS:
            agent.readers.append(self.headers.get(routes.HEADER_READER))
            self._send(200, to_json(agent.status))
        elif path == routes.CHECKPOINTS:
            self._send(200, to_json(agent.checkpoints))
        elif path.endswith("/receipt") and agent.receipt is not None:
            self._send(200, to_json(agent.receipt))
        elif path.endswith("/logs"):
            self._logs(agent, query)
        else:
            self._send(404, b'{"detail": "no such job"}')

    def do_PUT(self) -> None:
        agent = self.server.agent
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if agent.loses_agents:
            agent.loses_agents -= 1
            self._send(502, b"<html>proxy</html>", ours=False)
        elif self.headers.get("Authorization") != f"Bearer {agent.token}":
            self._send(401, b'{"detail": "no token"}')
        else:
            agent.brought.append((self.path, body))
            agent.wants = None
            self._send(200, b"{}")

    def do_POST(self) -> None:
        agent = self.server.agent
        agent.requests.append(("POST", self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        agent.bodies.append(json.loads(body or b"{}"))
        agent.orders.append(self.headers.get(routes.HEADER_ORDER))
        if agent.answers_lost:
            agent.answers_lost -= 1
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif agent.refusal is not None:
            self._send(
                agent.refusal[0], json.dumps({"detail": agent.refusal[1], "remedy": "try later"}).encode()
            )
        else:
            self._send(202, json.dumps({"order": agent.orders[-1]}).encode())

    def _send(
        self, status: int, body: bytes, *, ours: bool = True, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        if ours:
            self.send_header(routes.HEADER_API, "1")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _logs(self, agent: FakeAgent, query: dict[str, str]) -> None:
        follow = query.get("follow") == "1"
        start = int(query.get("offset", 0))
        if "tail" in query:
            start = len(agent.log) - sum(
                map(len, bytes(agent.log).splitlines(keepends=True)[-int(query["tail"]) :])
            )
        agent.offsets.append(start)
        names = {routes.HEADER_LOG: agent.log_id, routes.HEADER_LOG_START: str(start)}
        if start > len(agent.log):
            self._send(416, b"{}", headers={**names, routes.HEADER_LOG_END: str(len(agent.log))})
        elif follow and agent.full:
            self._send(429, b'{"detail": "too many already do"}', headers={"Retry-After": "5"})
        elif follow:
            self._follow(agent, start, names)
        else:
            limit = int(query.get("limit", len(agent.log)))
            data = bytes(agent.log[start : start + limit])
            said = {**names, routes.HEADER_LOG_END: str(len(agent.log))}
            if agent.shrinks:
                agent.shrinks, data = False, data[:1000]
                del agent.log[5000:]
                self.close_connection = True
            self._send(200, data, headers=said)

    def _follow(self, agent: FakeAgent, position: int, names: dict[str, str]) -> None:
        with_length = agent.truncate_with_length
        self.send_response(200)
        for name, value in {**names, routes.HEADER_API: "1"}.items():
            self.send_header(name, value)
        self.send_header(
            *(("Content-Length", "1000000000") if with_length else ("Transfer-Encoding", "chunked"))
        )
        self.end_headers()
        left = agent.cut_after.pop(0) if agent.cut_after else None
        until = time.monotonic() + agent.follow_s
        log_id = agent.log_id
        try:
            while time.monotonic() < until and agent.log_id == log_id and not agent.closed:
                with agent.changed:
                    if len(agent.log) == position or agent.buffered:
                        if agent.is_over() and not agent.buffered:
                            break
                        agent.changed.wait(0.05)
                        continue
                    data = bytes(agent.log[position : position + PIECE])
                is_cut = left is not None and len(data) >= left
                passed = data[:left] if is_cut else data
                # the chunk promises all of it, so that a cut leaves it short
                self.wfile.write((b"" if with_length else b"%x\r\n" % len(data)) + passed)
                if is_cut:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if not with_length:
                    self.wfile.write(b"\r\n")
                self.wfile.flush()
                position += len(data)
                left = None if left is None else left - len(data)
            if with_length:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True
