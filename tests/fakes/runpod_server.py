"""RunPod's v2 pods API as far as the client needs it: real HTTP on loopback, pods as dictionaries, faults on request.

Statuses move on with the reads, not with time. It knows nothing of containers; the simulator does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

Answer = tuple[int, object]


class FakeRunPod:
    """Use as a context manager. ``faults`` maps "create", "get", "delete", "start" … to answers given first."""

    def __init__(self, key: str = "k" * 20) -> None:
        self.key = key
        self.pods: dict[str, dict[str, object]] = {}
        self.bodies: list[dict[str, object]] = []
        self.patches: list[dict[str, object]] = []
        self.calls: list[str] = []
        self.faults: dict[str, list[Answer]] = {}
        self.makes_anyway = False  # a create that answers with a fault has made the pod all the same
        self.gpus: list[str] = []  # the catalogue; empty is one that does not answer
        self.gpus_after_start: int | None = None
        self.on_change: Callable[[str], None] = lambda _: None
        self.on_create: Callable[[], None] = lambda: None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.runpod = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v2"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def set_status(self, pod_id: str, status: str) -> None:
        pod = self.pods[pod_id]
        pod["status"] = status
        pod["cost"] = 0.0 if status == "EXITED" else 0.5
        self.on_change(status)

    def answer(self, method: str, path: list[str], body: dict[str, object]) -> Answer:
        """The route table."""
        match method, path:
            case "GET", ["pods"]:
                return self._faulty("list", lambda: (200, {"pods": list(self.pods.values())}))
            case "POST", ["pods"]:
                return self._faulty("create", lambda: (201, self._create(body)), body)
            case "GET", ["pods", pod_id]:
                return self._faulty("get", lambda: self._get(pod_id))
            case "PATCH", ["pods", pod_id]:
                self.patches.append(body)
                self.pods[pod_id] |= body
                return 200, self.pods[pod_id]
            case "DELETE", ["pods", pod_id]:
                return self._faulty("delete", lambda: self._delete(pod_id))
            case "POST", ["pods", pod_id, "action"]:
                action = str(body["action"])
                return self._faulty(action, lambda: self._act(pod_id, action))
            case "GET", ["catalog", "gpus"] if self.gpus:
                return 200, {"gpus": [{"id": gpu} for gpu in self.gpus]}
            case "GET", ["catalog", "gpus", _]:
                return 200, {"price": {"secure": 0.44, "community": 0.31}}
        return 404, {"detail": "no such route"}

    def _faulty(self, name: str, act: Callable[[], Answer], body: dict[str, object] | None = None) -> Answer:
        self.calls.append(name)
        waiting = self.faults.get(name, [])
        if not waiting:
            return act()
        if self.makes_anyway and body is not None:
            self._create(body)
        return waiting.pop(0)

    def _create(self, body: dict[str, object]) -> dict[str, object]:
        self.bodies.append(body)
        pod_id = f"pod{len(self.pods) + 1}"
        self.pods[pod_id] = {**body, "id": pod_id, "status": "PROVISIONING", "cost": 0.5, "locked": False}
        self.on_create()
        return self.pods[pod_id]

    def _get(self, pod_id: str) -> Answer:
        if pod_id not in self.pods:
            return 404, {"detail": "no such pod"}
        now = self.pods[pod_id]["status"]
        onward = {"PROVISIONING": "STARTING", "STARTING": "RUNNING"}.get(str(now))
        if onward:
            self.set_status(pod_id, onward)
        return 200, self.pods[pod_id]

    def _delete(self, pod_id: str) -> Answer:
        if self.pods.pop(pod_id, None) is None:
            return 404, {"detail": "no such pod"}
        self.on_change("TERMINATED")
        return 204, None

    def _act(self, pod_id: str, action: str) -> Answer:
        pod = self.pods[pod_id]
        if (action == "start") != (pod["status"] == "EXITED"):
            return 409, {"detail": f"cannot {action} now"}
        self.set_status(pod_id, "STARTING" if action == "start" else "EXITED")
        if action == "start" and self.gpus_after_start is not None:
            pod["gpu"] = {"id": "A", "count": self.gpus_after_start}
        return 200, pod


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    runpod: FakeRunPod

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def _handle(self) -> None:
        runpod = self.server.runpod
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        path = [unquote(part) for part in urlsplit(self.path).path.split("/") if part][1:]
        if self.headers.get("Authorization") != f"Bearer {runpod.key}":
            status, answer = 401, {"detail": "unauthorized"}
        else:
            status, answer = runpod.answer(self.command, path, body)
        data = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - the names that http.server calls
