"""A real agent as a program outside any pod: it gets jobs by POST, and is looked at from all sides.

Also what it shares with the agent of a pod (container_agent.py): how it is asked.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pod_sim.house import free_port
from tests.live import PATIENCE_S, wait_for

TOKEN = "a-token-of-the-story-tests"
QUICK = [sys.executable, str(Path(__file__).with_name("quick_agent.py"))]
HEADER = re.compile(rb"(?:podkeep: [^\n]*\n)*?podkeep: attempt \d+ of run \w+, [^\n]*\n")


@dataclass(frozen=True, slots=True)
class Output:
    """A job's log, taken apart: what the job wrote, its exit code, our last line."""

    own: bytes
    code: bytes
    ending: bytes


def take_apart(log: bytes) -> Output:
    """The log of a job with one attempt. Every part must be there."""
    header = HEADER.match(log)
    assert header, log[:300]
    rest, mark, code_and_ending = log[header.end() :].rpartition(b"EXIT_CODE=")
    assert mark, log[-300:]
    code, _, ending = code_and_ending.partition(b"\n")
    return Output(rest, code, ending)


class AskedAgent:
    """An agent that gets jobs by POST and is asked at its own address. Not here: who started it, and where.

    ``programs`` are tests/programs as its jobs see them, ``python`` what runs them.
    """

    url = ""
    token = TOKEN
    python = sys.executable
    programs = Path(__file__).parent.parent / "programs"

    def call(
        self, method: str, path: str, body: bytes | None = None, token: str | None = None
    ) -> tuple[int, bytes]:
        """One request: the answer's status and body."""
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def status(self) -> dict[str, Any]:
        return json.loads(self.call("GET", "/status")[1])

    def give(self, name: str, command: str, **fields: object) -> None:
        """Order a job."""
        body = {"name": name, "command": command, "on_finish": "keep", "on_failure": "keep", **fields}
        status, said = self.call("POST", "/jobs", json.dumps(body).encode())
        assert status == 202, said

    def says(self, words: bytes) -> None:
        """Wait until the current job's log holds these words."""
        wait_for(f"{words!r} in the log", lambda: words in self.call("GET", "/logs")[1], every_s=0.02)

    def cancel(self, name: str) -> None:
        assert self.call("POST", f"/jobs/{name}/cancel")[0] == 202

    def end_of(self, name: str, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """The job's part of the status once it has finished."""

        def look() -> dict[str, Any] | None:
            job = self.status()["job"]
            return job if job and job["name"] == name and job["phase"] == "finished" else None

        return wait_for(f"the end of {name}", look, within_s, every_s=0.02)


class BareAgent(AskedAgent):
    """One agent, many jobs, one after the other. It sees of the environment what a pod's agent would."""

    def __init__(self, folder: Path, argv: list[str] | None = None, **env: str) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.workspace.mkdir(parents=True, exist_ok=True)
        self.argv = argv or QUICK
        port = free_port()  # not of those that another worker's client may be given meanwhile
        self.url = f"http://127.0.0.1:{port}"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "POD_PORT": str(port),
            "POD_TOKEN": TOKEN,
            "POD_WORKSPACE": str(self.workspace),
            "POD_EPHEMERAL": "1",  # a temporary folder is no mount
            "PODKEEP_RUN_DIR": str(folder / "run"),
            "PODKEEP_DISK_DIR": str(folder / "disk"),
            **env,
        }
        self._program: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self.folder / "out").open("wb") as out:
            self._program = subprocess.Popen(self.argv, env=self.env, stdout=out, stderr=out)
        wait_for("the agent answers", self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        """TERM, as a pod that goes down: agent, keeper and training are gone afterwards."""
        if self._program is not None:
            self._program.terminate()
            self._program.wait(PATIENCE_S)

    def said(self) -> str:
        return (self.folder / "out").read_text("utf-8", "replace")

    def _answers(self) -> bool:
        assert self._program, "the agent was not started"
        assert self._program.poll() is None, self.said()
        try:
            return self.call("GET", "/healthz")[0] == 200
        except OSError:
            return False

    @property
    def pid(self) -> int:
        """The agent's, and the same whatever it was started by."""
        return int((self.folder / "run" / "agent.pid").read_text().split()[0])

    def log_file(self, name: str) -> Path:
        """As it lies in the workspace, seen through the agent's own mount namespace."""
        workspace = self.workspace.relative_to("/")
        return Path(f"/proc/{self.pid}/root") / workspace / ".podkeep" / "jobs" / name / "log"
