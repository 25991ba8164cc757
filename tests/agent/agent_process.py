"""A real agent as a program, in folders of its own: start it, ask it, end it. For tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from pod_sim.house import free_port
from tests.live import PATIENCE_S

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-tests"


class AgentProcess:
    """One pod's folders, and the agents that live in them, one after another."""

    def __init__(self, folder, **env):
        self.folder = folder
        self.workspace = folder / "workspace"
        self.workspace.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "POD_JOB": "demo",
            "POD_ON_FINISH": "keep",
            "POD_ON_FAILURE": "keep",
            "POD_EPHEMERAL": "1",  # a temporary folder is no mount
            "POD_PORT": str(self.port),
            "POD_TOKEN": TOKEN,
            "POD_WORKSPACE": str(self.workspace),
            "PODKEEP_RUN_DIR": str(folder / "run"),
            "PODKEEP_DISK_DIR": str(folder / "disk"),
            "PODKEEP_PYTHON": sys.executable,
            **env,
        }
        self.process = None
        self._with_entrypoint = False
        self.job = self.workspace / ".podkeep" / "jobs" / self.env["POD_JOB"]

    def start(self, *words, entrypoint=False):
        program = [str(ROOT / "entrypoint.sh")] if entrypoint else [sys.executable, "-m", "pod_agent"]
        self._with_entrypoint = entrypoint
        out = (self.folder / "out").open("ab")
        with out:
            self.process = subprocess.Popen(
                [*program, *words], env=self.env, stdout=out, stderr=out, start_new_session=True
            )
        return self

    def get(self, path):
        request = Request(f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
        with urlopen(request, timeout=30) as answer:
            return answer.read()

    def post(self, path, body=b""):
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        with urlopen(Request(f"http://127.0.0.1:{self.port}{path}", body, headers), timeout=30) as answer:
            return answer.status

    def status(self):
        return json.loads(self.get("/status"))

    def until(self, what, claim, within_s=PATIENCE_S):
        """Wait until the status fulfils the claim; the status."""
        end = time.monotonic() + within_s
        last = None
        while time.monotonic() < end:
            with suppress(URLError, ConnectionError, TimeoutError):
                last = self.status()
                if claim(last):
                    return last
            time.sleep(0.03)
        raise AssertionError(f"not within {within_s} s: {what}; last: {last}; said: {self.said()[-2000:]}")

    def said(self):
        return (self.folder / "out").read_text("utf-8", "replace")

    def state(self):
        return json.loads((self.job / "state.json").read_bytes())

    def log(self):
        return (self.job / "log").read_bytes()

    def kill(self, number=signal.SIGKILL):
        """A kill takes the entrypoint's agent with it, as the end of PID 1 does, and spares the keeper."""
        if number == signal.SIGKILL and self._with_entrypoint:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return self.process.wait(60)

    def close(self):
        """Nothing that we started is left: agent, keeper, training."""
        if self.process is not None and self.process.poll() is None:
            self.kill(signal.SIGTERM)
        with suppress(OSError, ValueError):
            os.kill(int((self.folder / "run" / "keeper.pid").read_text().split()[0]), signal.SIGTERM)
            time.sleep(0.3)


def is_alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or before it was read
        return False


@contextmanager
def pods_by_hand(folder):
    """Makes pods with no job of their own and the usual policies, for ``pod-agent after``; they are ended behind."""
    made = []

    def make(**env):
        made.append(AgentProcess(folder, **{"POD_ON_FINISH": "", "POD_ON_FAILURE": "", "POD_JOB": "", **env}))
        return made[-1]

    try:
        yield make
    finally:
        for one in made:
            one.close()


def after(pod, *words):
    """``pod-agent after`` on this pod, to its end."""
    argv = [sys.executable, "-m", "pod_agent", "after", *words]
    return subprocess.run(argv, env=pod.env, capture_output=True, text=True, check=False, timeout=60)
