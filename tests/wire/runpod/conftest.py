"""A real HTTP server on loopback that plays recorded answers in order and keeps what it was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.live import PATIENCE_S


@dataclass
class Recorded:
    """One answer as RunPod, or something in front of it, gave it. ``raw`` is sent instead of a well-formed one."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Server:
    """Plays ``answers`` one after the other, the last one again and again."""

    def __init__(self) -> None:
        self.answers: list[Recorded] = []
        self.asked: list[Asked] = []
        self.release = threading.Event()  # an answer with status 0 waits for it
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = False
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def play(self, *answers: Recorded) -> None:
        self.answers = list(answers)

    def close(self) -> None:
        self.release.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def answer(self) -> Recorded:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - "self" is the handler's
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                """Say nothing."""

            def _play(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                names = {name.lower(): value for name, value in self.headers.items()}
                server.asked.append(Asked(self.command, self.path, names, self.rfile.read(length)))
                found = server.answer()
                if found.status == 0 or found.raw:
                    self.wfile.write(found.raw)
                    self.wfile.flush()
                    if found.status == 0:
                        server.release.wait(PATIENCE_S)
                    self.close_connection = True
                    return
                self.send_response(found.status)
                for name, value in found.headers.items():
                    self.send_header(name, value)
                if found.status != 204:
                    self.send_header("Content-Length", str(len(found.body)))
                self.end_headers()
                self.wfile.write(found.body)

            do_GET = do_POST = do_PATCH = do_DELETE = _play  # noqa: N815 - http.server's names

        return Handler


class Waited:
    """A clock that only notes how long it was asked to sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return 1_700_000_000.0 + sum(self.slept)

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


@pytest.fixture
def waited():
    return Waited()


@pytest.fixture
def recorded():
    return Recorded
