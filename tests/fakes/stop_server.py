"""RunPod's side of a self-stop, over real loopback HTTP: says what it is told to say and remembers who asked, when."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

POD = {"id": "pod-a", "name": "p", "status": "RUNNING", "startedAt": "2026-11-21T10:00:00Z", "cost": 1.5}


class StopServer:
    """``v2`` and ``graphql`` are the statuses answered to a stop; ``read`` to a look at the own pod."""

    def __init__(self, *, v2=200, graphql=200, read=200, hang_s=0.0):
        self.answers = {"v2": v2, "graphql": graphql, "read": read}
        self.hang_s = hang_s
        self.pod = POD  # as a stop and a look answer it; bytes as they are
        self.asked = []  # (when, method, path, user agent, body)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode()
                server.asked.append((time.time(), self.command, self.path, self.headers["User-Agent"], body))
                time.sleep(server.hang_s)
                self.reply(*server.say(self.command, self.path, body))

            def reply(self, status, document):
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # whoever asked had no patience
                    self.wfile.write(data)

            do_GET = do_POST = answer  # noqa: N815 - the standard library's names

            def log_message(self, *_):
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def say(self, method, path, body):
        if path == "/graphql":
            status = self.answers["graphql"]
            if status != 200:
                return status, {"errors": [{"message": "refused"}]}
            if "podStop" in body:
                return 200, {"data": {"podStop": {"id": "pod-a"}}}
            if "podTerminate" in body:
                return 200, {"data": {"podTerminate": None}}
            return 200, {"data": {"pod": {"id": "pod-a", "costPerHr": 1.5}}}
        status = self.answers["read" if method == "GET" else "v2"]
        return status, self.pod if status == 200 else {
            "title": "no",
            "detail": "not with this key",
            "status": status,
        }

    @property
    def stops(self):
        """The requests that ask for an end."""
        return [
            (when, path, agent, body)
            for when, method, path, agent, body in self.asked
            if method == "POST" and (path.endswith("/action") or "podStop" in body or "podTerminate" in body)
        ]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
