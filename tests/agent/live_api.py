"""The agent's API on a free port over a real log in a temporary folder, and a client that keeps nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pod_agent.api.parts import Parts
from pod_agent.api.server import HttpServer
from pod_agent.outputs.log import JobLog
from pod_agent.outputs.masked import MaskedLog
from pod_agent.run.asks import Ask, Verdict
from pod_wire.masker import Masker
from pod_wire.secrets import Secret, TokenRule
from pod_wire.status import JobStatus, Phase, Status

TOKEN = "correct-horse-battery-staple"
ACCEPTED = Verdict(accepted=True, reason="taken up")


@dataclasses.dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


class LiveApi:
    """What the supervisor would publish is plain attributes here: ``status``, ``live``, ``verdict``."""

    def __init__(
        self, folder: Path, secrets: tuple[str, ...] = (), follow_seconds: float = 20.0, **parts: Any
    ) -> None:
        self.folder = folder
        self.log = JobLog(folder / "j1")
        self.masker = Masker(Secret(value) for value in secrets)
        self.masked = MaskedLog(self.log, self.masker, lambda: self.live)
        self.live = True
        self.hold = threading.Event()  # while cleared, the run does not decide and the disk does not answer
        self.hold.set()
        self.status = Status("0.1.0", time.time(), Phase.RUNNING, job=JobStatus("j1", "hash", Phase.RUNNING))
        self.verdict = ACCEPTED
        self.asked: list[Ask] = []
        self._connections: list[http.client.HTTPConnection] = []
        self.parts = Parts(
            snapshot=lambda: self.status,
            ask=self._ask,
            log=self.find_log,
            journal=lambda: folder / "journal.jsonl" if self.status.job else None,
            token=TokenRule(Secret(TOKEN)),
            masker=self.masker,
            follow_seconds=follow_seconds,
            **parts,
        )
        self.server = HttpServer(self.parts, 0, "127.0.0.1")

    def find_log(self, name: str | None) -> MaskedLog | None:
        self.hold.wait(20)
        return self.masked if self.status.job and name in {None, "j1"} else None

    def _ask(self, ask: Ask) -> Verdict:
        self.hold.wait(20)
        self.asked.append(ask)
        return self.verdict

    def enter(self, phase: Phase) -> None:
        job = dataclasses.replace(self.status.job, phase=phase) if self.status.job else None
        self.status = dataclasses.replace(self.status, phase=phase, job=job)

    def open(self, method: str, path: str, body=None, headers=None, token: str | None = TOKEN):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        sent = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._connections.append(connection)
        connection.request(method, path, body, sent | (headers or {}))
        return connection.getresponse()

    def hang_up(self) -> None:
        """Close every connection that was opened."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def ask(self, method: str, path: str, body=None, headers=None, token: str | None = TOKEN) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        sent = {} if token is None else {"Authorization": f"Bearer {token}"}
        with contextlib.closing(connection):
            connection.request(method, path, body, sent | (headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def get(self, path: str, **more) -> Reply:
        return self.ask("GET", path, **more)

    def post(self, path: str, value: object, **more) -> Reply:
        return self.ask("POST", path, json.dumps(value), {"Content-Type": "application/json"}, **more)


@contextlib.contextmanager
def serving(folder: Path, **more) -> Iterator[LiveApi]:
    api = LiveApi(folder, **more)
    api.server.start()
    try:
        yield api
    finally:
        api.hold.set()
        api.server.finish()
        api.hang_up()
        api.server.stop()
