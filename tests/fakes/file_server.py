"""A server of one file, with Range, ETag and tokens; it fails on purpose: cuts, statuses, redirects, silence."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass
class Faults:
    """What goes wrong, in this order."""

    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)  # bytes after which an answer ends


class FileServer:
    """``data`` under every path but ``/redirect``, which leads to ``redirect_to``."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.faults = Faults()
        self.has_ranges = True
        self.has_validator = True
        self.redirect_to = ""
        self.ranges: list[str] = []
        self.asked: list[str] = []
        self.tokens: set[str] = set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def tag(self) -> str:
        return f'"{hashlib.sha256(self.data).hexdigest()[:20]}"'


class _Server(ThreadingHTTPServer):
    owner: FileServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        owner = self.server.owner
        owner.asked.append(self.path)
        owner.ranges.append(self.headers.get("Range", ""))
        owner.tokens.add(self.headers.get("Authorization", ""))
        if self.path.startswith("/redirect"):
            self._head(302, 0, {"Location": owner.redirect_to})
        elif owner.faults.statuses:
            self._head(owner.faults.statuses.pop(0), 0, {"Retry-After": "2"})
        elif owner.has_validator and self.headers.get("If-None-Match") == owner.tag:
            self._head(304, 0, {"ETag": owner.tag})
        else:
            self._send(self._begin())

    def _begin(self) -> int:
        owner = self.server.owner
        asked = self.headers.get("Range", "")
        if not asked or not owner.has_ranges or self.headers.get("If-Range") != owner.tag:
            return 0
        return int(asked.removeprefix("bytes=").rstrip("-"))

    def _send(self, begin: int) -> None:
        owner = self.server.owner
        size = len(owner.data)
        said = {"ETag": owner.tag} if owner.has_validator else {}
        if begin >= size > 0:
            self._head(416, 0, {"Content-Range": f"bytes */{size}"})
            return
        if begin:
            said["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
        body = owner.data[begin:]
        self._head(206 if begin else 200, len(body), said)
        if owner.faults.cuts:
            body = body[: owner.faults.cuts.pop(0)]
            self.close_connection = True
        self.wfile.write(body)

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()
