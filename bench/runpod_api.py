"""RunPod as far as an agent asks it: a listener on loopback that notes when it is asked to stop the pod."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "a-key-for-the-bench"
RECORD = {
    "id": "bench",
    "name": "bench",
    "status": "RUNNING",
    "startedAt": "2026-01-01T00:00:00Z",
    "cost": 1.0,
}


class RunPod(ThreadingHTTPServer):
    """Says yes to everything; ``stopped_at`` is when it was first asked to stop the pod."""

    daemon_threads = True

    def __init__(self) -> None:
        self.stopped_at = 0.0
        super().__init__(("127.0.0.1", 0), _Answer)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """What a pod of this RunPod has in its environment."""
        url = f"http://127.0.0.1:{self.server_address[1]}/v2"
        return {"RUNPOD_POD_ID": "bench", "RUNPOD_API_KEY": KEY, "POD_RUNPOD_URL": url}

    @classmethod
    @contextlib.contextmanager
    def listening(cls) -> Iterator[RunPod]:
        with cls() as server:
            yield server
            server.shutdown()


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._say(RECORD)

    def do_POST(self) -> None:
        moment = time.time()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.server.stopped_at and (b"stop" in body or self.path.endswith("/stop")):
            self.server.stopped_at = moment
        self._say(RECORD | {"status": "EXITED"})

    def _say(self, document: dict[str, object]) -> None:
        data = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return
