"""A git host on loopback: Python's HTTP server before the real ``git http-backend``, and git LFS beside it.

Asks for a login where it is told to, and fails on purpose, so many times as it is told.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ALWAYS = 10**6


@dataclass
class Fault:
    """What goes wrong: a status (404), or a word (hang, cut, slow, garbage, html, echo, to URL); where; how often."""

    what: int | str
    where: str  # a part of the path
    left: int


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    login: str  # user:password, decoded; empty where there was none


@dataclass
class GitHost:
    """The repositories of a folder, by their path below it."""

    top: Path
    login: str = ""  # user:password that opens everything; empty: all is public
    speaks_v2: bool = True  # version 2 gives any commit by its digits, version 0 refuses
    faults: list[Fault] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def fail(self, what: int | str, times: int = ALWAYS, where: str = "") -> None:
        self.faults.append(Fault(what, where, times))

    def fault_at(self, path: str, is_stranger: bool = False) -> int | str | None:
        """What goes wrong with this request. Whoever has yet to be asked for a login gets no half answers."""
        for fault in self.faults:
            half = fault.what in {"cut", "slow", "garbage", "echo"} or str(fault.what).startswith("to ")
            late = is_stranger and half
            if fault.left > 0 and fault.where in path and not late:
                fault.left -= 1
                return fault.what
        return None

    @classmethod
    @contextlib.contextmanager
    def running(cls, top: Path) -> Iterator[GitHost]:
        host = cls(top)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(host))
        server.daemon_threads = False
        host.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield host
        finally:
            host.over.set()
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(host: GitHost) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.host = host
    return Handler


class _Handler(BaseHTTPRequestHandler):
    host: GitHost
    timeout = 30

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self._serve(body)

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self, body: bytes) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            path = self.path.partition("?")[0]
            login = self._login()
            self.host.seen.append(Request(self.command, path, login))
            is_stranger = bool(self.host.login) and login != self.host.login
            fault = self.host.fault_at(self.path, is_stranger)
            if fault == "hang":
                self.host.over.wait(20)
            elif isinstance(fault, int):
                self._say(fault, b"remote trouble", {"Retry-After": "1"} if fault == 429 else {})
            elif isinstance(fault, str) and fault.startswith("to "):
                self._say(302, b"", {"Location": fault[3:].rstrip("/") + self.path})
            elif fault == "echo":
                self._say(403, f"trouble; your login is {login}".encode(), {"Content-Type": "text/plain"})
            elif fault == "html":
                self._say(200, b"<html>welcome to the hotel's network</html>", {"Content-Type": "text/html"})
            elif is_stranger:
                self._say(401, b"who are you?", {"WWW-Authenticate": 'Basic realm="git"'})
            elif "/info/lfs/" in path:
                self._lfs(path, body)
            else:
                self._git(path, body, fault)

    def _login(self) -> str:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(given).decode() if given else ""

    def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _git(self, path: str, body: bytes, fault: int | str | None) -> None:
        status, headers, answer = self._backend(path, body)
        match fault:
            case "garbage":
                answer = b"\x00\xff0000 this is no git \n" * 40
            case "cut":  # the length is of the whole, the bytes are not
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer[: len(answer) // 2])
                self.close_connection = True
                return
            case "slow":
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                step = max(1, len(answer) // 20)
                for at in range(0, len(answer), step):
                    self.wfile.write(answer[at : at + step])
                    self.wfile.flush()
                    self.host.over.wait(0.02)
                return
        self._say(status, answer, headers)

    def _backend(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.host.top),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "PATH_INFO": path,
            "QUERY_STRING": self.path.partition("?")[2],
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
        }
        if self.host.speaks_v2:
            env["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=env, capture_output=True, check=False, timeout=60
        )
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        return status, headers, answer

    def _lfs(self, path: str, body: bytes) -> None:
        repo, _, asked = path.lstrip("/").partition("/info/lfs/")
        store = self.host.top / repo
        store = store / ".git" if (store / ".git").is_dir() else store
        if asked == "objects/batch":
            wanted = json.loads(body)["objects"]
            answer = {"transfer": "basic", "objects": [self._object(store, repo, one) for one in wanted]}
            kind = {"Content-Type": "application/vnd.git-lfs+json"}
            self._say(200, json.dumps(answer).encode(), kind)
            return
        place = _place(store, asked.rpartition("/")[2])
        self._say(200, place.read_bytes(), {}) if place.exists() else self._say(404, b"{}", {})

    def _object(self, store: Path, repo: str, wanted: dict) -> dict:
        if not _place(store, wanted["oid"]).exists():
            return {**wanted, "error": {"code": 404, "message": "Object does not exist"}}
        href = self.host.url(f"{repo}/info/lfs/objects/{wanted['oid']}")
        return {**wanted, "actions": {"download": {"href": href}}}


def _place(store: Path, oid: str) -> Path:
    return store / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
