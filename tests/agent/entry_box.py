"""The entrypoint with stand-ins: a shell script that plays the agent, a keeper that only waits. For tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.live import PATIENCE_S

ENTRYPOINT = Path(__file__).parents[2] / "entrypoint.sh"
WAITS = "trap 'echo told >> calls; exit 0' TERM; echo up >> calls; while :; do sleep 0.02; done"


class Container:
    """The entrypoint with a stand-in for Python: a shell script that plays the agent."""

    def __init__(self, folder, script, **env):
        self.folder = folder
        self.run = folder / "run"
        self.run.mkdir(exist_ok=True)
        agent = folder / "agent"
        agent.write_text(f'#!/bin/bash\ncd "{folder}"\necho start "$@" >> calls\n{script}\n')
        agent.chmod(0o755)
        env = {
            "PATH": os.environ["PATH"],
            "PODKEEP_PYTHON": str(agent),
            "PODKEEP_RUN_DIR": str(self.run),
            "PODKEEP_DISK_DIR": str(folder / "disk"),
            **env,
        }
        with (folder / "out").open("wb") as out:
            self.process = subprocess.Popen(
                [str(ENTRYPOINT), "a word", "two"], env=env, stdout=out, stderr=out, start_new_session=True
            )

    @property
    def calls(self):
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def until(self, claim, within_s=PATIENCE_S):
        end = time.monotonic() + within_s
        while not claim():
            assert time.monotonic() < end, (self.calls, (self.folder / "out").read_text())
            time.sleep(0.01)

    def term(self):
        self.process.send_signal(signal.SIGTERM)

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(15)


KEEPER = """
import signal, sys, time
from pathlib import Path

folder = Path(sys.argv[1])


def told(*_):
    with (folder / "calls").open("a") as calls:
        calls.write("keeper told\\n")
    sys.exit(0)


signal.signal(signal.SIGTERM, told)
(folder / "keeper").touch()
time.sleep(30)
"""


def keeper(box, *, started=None):
    """A stand-in for the keeper, and its mark in the run folder."""
    process = subprocess.Popen([sys.executable, "-c", KEEPER, str(box.folder)])
    box.until((box.folder / "keeper").exists)
    stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    (box.run / "keeper.pid").write_text(f"{process.pid} {started or stat[19]}\n")
    return process
