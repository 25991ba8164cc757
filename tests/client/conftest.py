"""The command as a program, against a fake RunPod and a fake agent: both real HTTP on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.agent.agent_process import free_port
from tests.client import bare_box
from tests.client.bare_box import SYSTEM_PYTHON, Box
from tests.fakes.agent_server import FakeAgent
from tests.fakes.runpod_server import FakeRunPod
from tests.live import PATIENCE_S


@dataclass
class Command:
    """Runs pod-client in a home of its own."""

    home: Path
    env: dict[str, str]
    runpod: FakeRunPod
    agent: FakeAgent
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *argv: str, **env: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "pod_client.cli", *argv],
            cwd=self.home,
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        return process

    def run(self, *argv: str, **env: str) -> tuple[int, str, str]:
        process = self.start(*argv, **env)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out.decode(), err.decode()

    def adopt_token(self) -> None:
        """The agent accepts the token of the newest pod, as the real one does by its hash."""
        pods = json.loads((self.home / ".config/podkeep/pods.json").read_text())["pods"]
        self.agent.token = max(pods.values(), key=lambda pod: pod["created_at"])["token"]


UP = ("up", "--image", "img", "--gpu", "A", "--job", "job", "--command", "train")


@pytest.fixture
def pod(tmp_path):
    """A command, a RunPod whose pods are the agent, and an agent that is behind a 502 while its pod is not running."""
    with FakeRunPod() as runpod, FakeAgent() as agent:
        agent.behind = 502
        env = {
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "RUNPOD_API_KEY": runpod.key,
            "POD_RUNPOD_URL": runpod.url,
            "POD_PROXY_URL": agent.url,
        }
        command = Command(tmp_path, env, runpod, agent)

        def changed(status: str) -> None:
            if status == "RUNNING":
                command.adopt_token()
            agent.behind = None if status == "RUNNING" else 502

        runpod.on_change = changed
        yield command
        for process in command.started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


@pytest.fixture
def boxes(tmp_path):
    """Makes boxes; at the end nothing of them runs."""
    made: list[Box] = []

    def make(python: str | None = SYSTEM_PYTHON) -> Box:
        made.append(bare_box.make(tmp_path / str(len(made)), free_port(), python))
        return made[-1]

    yield make
    for box in made:
        box.end()


@pytest.fixture
def box(boxes):
    return boxes()
