"""The real simulator as a test sees it: a program, its address, its fault routes.

Nothing here imports pod_sim.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Json = Any
T = TypeVar("T")
PATIENCE_S = 180.0  # beyond what a busy machine's disk makes anyone wait: what takes longer is stuck


def wait_for(
    what: str, look: Callable[[], T | None], within_s: float = PATIENCE_S, every_s: float = 0.05
) -> T:
    """The first answer that is neither None nor False; a failed assertion when there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(every_s)
    message = f"after {within_s:g} s still not: {what}"
    raise AssertionError(message)


@dataclass(frozen=True, slots=True)
class Simulator:
    """Where a running simulator is, and how to talk to it as its account."""

    state: Path
    url: str
    key: str
    pid: int

    @classmethod
    def at(cls, state: Path) -> Simulator | None:
        """The one whose server.json lies there, if it says so and lives."""
        try:
            known = json.loads((state / "server.json").read_text())
            os.kill(known["pid"], 0)
        except (OSError, ValueError, KeyError):
            return None
        return cls(state, known["url"], known["key"], known["pid"])

    @classmethod
    @contextlib.contextmanager
    def running(cls, state: Path, env: Mapping[str, str], *options: str) -> Iterator[Simulator]:
        """Start one (with further options), yield it, and end it with all its pods."""
        state.mkdir(parents=True, exist_ok=True)
        argv = [
            sys.executable,
            "-m",
            "pod_sim",
            "--state",
            str(state),
            "--port",
            "0",
            "--idle-exit",
            "30",
            *options,
        ]
        with (state / "server.log").open("ab") as log:
            server = subprocess.Popen(argv, env=dict(env), stdout=log, stderr=log)
        try:
            wait_for(f"a simulator in {state}", lambda: cls.at(state) or server.poll() is not None)
            found = cls.at(state)
            assert found, f"the simulator did not start:\n{(state / 'server.log').read_text()}"
            yield found
        finally:
            if here := cls.at(state):
                here.end()
            server.wait(PATIENCE_S)

    def end(self) -> None:
        """End every pod, then the server; insist if it does not go by itself."""
        for route in ("/sim/reset", "/sim/shutdown"):
            with contextlib.suppress(OSError):
                self.call("POST", route)
        try:
            wait_for("the simulator has gone", lambda: self.at(self.state) is None)
        except AssertionError:
            with contextlib.suppress(ProcessLookupError):  # it went at the last moment
                os.kill(self.pid, signal.SIGKILL)

    def call(self, method: str, path: str, body: Json = None, key: str | None = None) -> tuple[int, Json]:
        """One request with the account's key (or another): the status, and the answer parsed if JSON."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Bearer {key or self.key}")
        request.add_header("User-Agent", "podkeep-tests")  # urllib's own is turned away, as by RunPod
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, _parsed(answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, _parsed(refusal.read())

    def pods(self) -> dict[str, Json]:
        """Every pod of the account by its id."""
        return {pod["id"]: pod for pod in self.call("GET", "/v2/pods")[1]["pods"]}

    def pod(self, pod_id: str) -> Json:
        """One pod's record, or None when it is gone."""
        status, record = self.call("GET", f"/v2/pods/{pod_id}")
        return record if status == 200 else None

    def is_off(self, pod_id: str) -> bool:
        """Whether it is EXITED and nothing of it lives: the status says so at once, the container takes its seconds."""
        record = self.pod(pod_id)
        return record is not None and _is_off(record)

    def only_pod_is_off(self) -> bool:
        """Whether there is one pod, and it is off."""
        return [_is_off(record) for record in self.pods().values()] == [True]

    def kill(self, pod_id: str, pid: int, signal_number: int = signal.SIGKILL) -> None:
        """End one process of a pod, by its pid inside the pod."""
        status, said = self.call(
            "POST", f"/sim/pods/{pod_id}/kill", {"pid": pid, "signal": int(signal_number)}
        )
        assert status < 300, said


def _is_off(record: Json) -> bool:
    return record["status"] == "EXITED" and record["runtime"] is None


def _parsed(body: bytes) -> Json:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
