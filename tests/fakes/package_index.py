"""A package index on loopback for the real pip and uv: PEP 503 pages, PEP 691 JSON, PEP 658 metadata, hashes, logins.

It fails on request, per project and so many times. ``with PackageIndex() as index: index.add("a", "1.0");
index.fail("a", Fault.CUT); env = index.env()``. Not here: how wheels are made (package_files.py).
"""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote

from tests.fakes import package_files, package_pages
from tests.fakes.package_pages import File

JSON = "application/vnd.pypi.simple.v1+json"
TRICKLE_S = 0.05
ENDLESS = 1 << 40


class Fault(StrEnum):
    """What a project's page, or its files, answer. A full disk needs none: a small disk and ``zeros``."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    TOO_MANY = "429"
    BROKEN = "500"
    HANG = "hang"  # takes the request and says nothing
    CUT = "cut"  # the connection ends in the middle of the promised bytes
    WRONG_HASH = "wrong hash"  # other bytes than the page promised
    SLOW = "slow"  # all of it, in small pieces
    HUGE = "huge"  # bytes without end


PAGE_FAULTS = {
    Fault.UNAUTHORIZED, Fault.FORBIDDEN, Fault.NOT_FOUND, Fault.TOO_MANY, Fault.BROKEN, Fault.HANG,
}  # fmt: skip


@dataclass(slots=True)
class _Fault:
    fault: Fault
    where: str
    left: int | None  # None: for ever


class PackageIndex:
    """Use as a context manager. ``requests`` holds the path of each, ``logins`` what was presented with it."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[str] = []
        self.logins: list[str] = []
        self.login: tuple[str, str] | None = None  # asked for with every request when set
        self.retry_after = 1
        self.ended = threading.Event()
        self.before: Callable[[], object] = lambda: None  # called before each answer, which waits for it
        self._files: dict[str, dict[str, File]] = {}
        self._faults: dict[str, list[_Fault]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.index = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The simple index, with the login in it where one is asked for."""
        login = f"{self.login[0]}:{self.login[1]}@" if self.login else ""
        return f"http://{login}127.0.0.1:{self.port}/simple/"

    def env(self) -> dict[str, str]:
        """What makes pip and uv ask this index and nothing else; no cache, so that every test asks anew."""
        return {
            "PIP_INDEX_URL": self.url, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_NO_INDEX": "0",
            "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1", "UV_NO_CONFIG": "1",
            "UV_DEFAULT_INDEX": self.url, "UV_PYTHON_DOWNLOADS": "never",
            "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost",
        }  # fmt: skip

    def add(
        self,
        name: str,
        version: str = "1.0",
        *,
        requires: Sequence[str] = (),
        files: Mapping[str, bytes | str] | None = None,
        python: str = "",
        scripts: Mapping[str, str] | None = None,
        zeros: int = 0,
    ) -> bytes:
        """A wheel of this project; its bytes are returned too."""
        data = package_files.wheel(
            name, version, requires=requires, files=files, python=python, scripts=scripts, zeros=zeros
        )
        told = package_files.metadata(name, version, requires, python).encode()
        self.put(name, f"{package_files.plain(name)}-{version}-py3-none-any.whl", data, python, told)
        return data

    def add_sdist(
        self,
        name: str,
        version: str = "1.0",
        *,
        requires: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
        words: str = "",
        seconds: float = 0.0,
        code: int = 0,
        needs: Sequence[str] = (),
    ) -> bytes:
        """Sources of this project: their build says ``words``, takes ``seconds``, fails when ``code`` is set."""
        data = package_files.sdist(
            name,
            version,
            requires=requires,
            files=files,
            words=words,
            seconds=seconds,
            code=code,
            needs=needs,
        )
        self.put(name, f"{package_files.plain(name)}-{version}.tar.gz", data)
        return data

    def put(self, name: str, file: str, data: bytes, python: str = "", metadata: bytes | None = None) -> None:
        """Any file, made elsewhere."""
        place = self._files.setdefault(package_pages.canonical(name), {})
        place[file] = File(data, sha256(data).hexdigest(), python, metadata)

    def fail(self, name: str, fault: Fault, times: int | None = None, where: str = "") -> None:
        """From now on. ``where``: "page", "file", or what suits the fault; ``times``: it works after so many."""
        where = where or ("page" if fault in PAGE_FAULTS else "file")
        self._faults.setdefault(package_pages.canonical(name), []).append(_Fault(fault, where, times))

    def heal(self, name: str) -> None:
        self._faults.pop(package_pages.canonical(name), None)

    def asked(self, name: str) -> int:
        """How often a project's page was asked for."""
        return self.requests.count(f"/simple/{package_pages.canonical(name)}/")

    def taken(self, name: str, where: str) -> Fault | None:
        """The fault that this request meets, counted."""
        with self._lock:
            for one in self._faults.get(name, ()):
                if one.where == where and one.left != 0:
                    one.left = None if one.left is None else one.left - 1
                    return one.fault
        return None

    def page(self, name: str) -> dict[str, File] | None:
        return self._files.get(name)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    index: PackageIndex

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        index, path = self.server.index, unquote(self.path.partition("?")[0])
        index.before()
        index.requests.append(path)
        index.logins.append(self.headers.get("Authorization", ""))
        if not self._may_enter(index):
            self._send(401, b"who are you", headers={"WWW-Authenticate": 'Basic realm="index"'})
            return
        kind, _, rest = path.strip("/").partition("/")
        name, _, file = rest.partition("/")
        fault = index.taken(name, "file" if kind == "files" else "page")
        if fault == Fault.HANG:
            index.ended.wait()
            self.close_connection = True
        elif fault is not None and fault.value.isdigit():
            wait = {"Retry-After": str(index.retry_after)} if fault == Fault.TOO_MANY else {}
            self._send(int(fault), b"on request", headers=wait)
        elif kind == "files":
            self._file(index, name, file, fault)
        else:
            self._page(index.page(name), name, fault)

    def _may_enter(self, index: PackageIndex) -> bool:
        if index.login is None:
            return True
        wanted = base64.b64encode(":".join(index.login).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {wanted}"

    def _page(self, files: Mapping[str, File] | None, name: str, fault: Fault | None) -> None:
        if files is None:
            self._send(404, b"no such project")
        elif JSON in self.headers.get("Accept", ""):
            self._send(200, package_pages.as_json(name, files), JSON, fault)
        else:
            self._send(200, package_pages.as_html(name, files), fault=fault)

    def _file(self, index: PackageIndex, name: str, path: str, fault: Fault | None) -> None:
        files = index.page(name) or {}
        if path.endswith(".metadata") and (of := files.get(path.removesuffix(".metadata"))):
            self._send(200, of.metadata or b"", "application/octet-stream")
        elif (file := files.get(path)) is None:
            self._send(404, b"no such file")
        elif fault == Fault.WRONG_HASH:
            self._send(200, file.data + b"\0", "application/octet-stream")
        else:
            self._send(200, file.data, "application/octet-stream", fault)

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str = "text/html",
        fault: Fault | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(ENDLESS if fault == Fault.HUGE else len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault == Fault.CUT:
            self.wfile.write(body[: len(body) // 2])
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif fault == Fault.HUGE:
            self._endless()
        elif fault == Fault.SLOW:
            for start in range(0, len(body), 512):
                self.wfile.write(body[start : start + 512])
                time.sleep(TRICKLE_S)
        else:
            self.wfile.write(body)

    def _endless(self) -> None:
        piece = bytes(1 << 20)
        while not self.server.index.ended.is_set():
            self.wfile.write(piece)
        self.close_connection = True
