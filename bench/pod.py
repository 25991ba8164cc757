"""A real agent under its entrypoint, in folders of its own, for the benches: start it, look at it, kill all of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Self

from measured import environment, free_port, wait_until

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "a-token-for-the-bench"  # noqa: S105 - opens a bench only
JOB = "bench"


class Pod:
    """One pod's folders and the lives of its container, one after another. Use it as a context."""

    def __init__(self, folder: Path, command: str, **more: str) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.disk = folder / "disk"
        self._run = folder / "run"
        self._said = folder / "said"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._env = {
            **{
                name: value
                for name, value in environment().items()
                if not name.startswith(("POD_", "RUNPOD_"))
            },
            "POD_JOB": JOB,
            "POD_COMMAND": command,
            "POD_EPHEMERAL": "1",  # a temporary folder is no mount
            "POD_ON_FINISH": "keep",
            "POD_ON_FAILURE": "keep",
            "POD_MAX_RESTARTS": "1000",
            "POD_PORT": str(port),
            "POD_TOKEN": TOKEN,
            "POD_WORKSPACE": str(self.workspace),
            "PODKEEP_RUN_DIR": str(self._run),
            "PODKEEP_DISK_DIR": str(self.disk),
            "PODKEEP_PYTHON": sys.executable,
            **more,
        }
        self._init: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._init is None:
            return
        self._init.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._init.wait(10)
        self.crash()

    def start(self) -> float:
        """Start the container; the moment, by the wall clock."""
        with self._said.open("ab") as said:
            began = time.time()
            self._init = subprocess.Popen(
                [str(ROOT / "entrypoint.sh")], env=self._env, stdout=said, stderr=said, start_new_session=True
            )
        return began

    def crash(self) -> None:
        """End every process of the container at once, PID 1 first, as its end would."""
        if self._init is None:
            return
        for _ in range(3):
            for pid in [self._init.pid, *self.others()]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._init.wait()
        wait_until("nothing of the pod is left", lambda: not self.others())

    def wait(self) -> int:
        """The container's own end; its code."""
        return self._init.wait(60)

    def others(self) -> list[int]:
        """Every process that has this pod's run folder in its environment or, as the keeper, in its arguments."""
        mark = os.fsencode(self._run)
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if any(mark in (place / name).read_bytes() for name in ("environ", "cmdline")):
                    found.append(int(place.name))
        return found

    @property
    def parts(self) -> dict[str, int]:
        """The pids of what is ours beside the job."""
        agent = int((self._run / "agent.pid").read_text().split()[0])
        keeper = int((self._run / "keeper.pid").read_text().split()[0])
        return {"entrypoint": self._init.pid, "agent": agent, "keeper": keeper}

    def get(self, path: str) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - our own agent
            self.url + path, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.read()

    def answers(self) -> bool:
        """Whether /healthz is 200 now."""
        try:
            return bool(self.get("/healthz"))
        except OSError:
            return False

    def phase(self) -> str:
        return json.loads(self.get("/status"))["phase"] if self.answers() else ""

    def said(self) -> str:
        return self._said.read_text("utf-8", "replace")
