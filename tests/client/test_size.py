"""A line without an end, a gigabyte long: the client's memory does not grow with it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pod_wire.status import LogPlace, Outcome, Phase
from tests.fakes.agent_server import FakeAgent
from tests.live import PATIENCE_S

GIGABYTE = 1 << 30


class Line:
    """So many bytes, made when they are read."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        return b"x" * (min(part.stop, self.size) - part.start)


def peak_of(pid: int) -> int | None:
    """The most memory a program ever held, in kB. Not wait4's figure: that one remembers the parent's, too."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), None)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of one program's memory is read from /proc")
def test_a_line_of_a_gigabyte_passes_through_less_than_100_mb(tmp_path):
    """`logs -f` writes every byte of it and stays under 100 MB."""
    with FakeAgent() as agent:
        agent.log = Line(GIGABYTE)
        job = replace(agent.status.job, log=LogPlace("log-1", GIGABYTE), phase=Phase.FINISHED)
        agent.status = replace(agent.status, job=replace(job, outcome=Outcome.SUCCEEDED))
        env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "POD_PROXY_URL": agent.url}
        process = subprocess.Popen(
            [sys.executable, "-m", "pod_client.cli", "logs", "-f", "pod1"],
            env=env | {"POD_TOKEN": agent.token},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        came, peak_kb = 0, 0
        while data := process.stdout.read1(1 << 20):
            came += len(data)
            peak_kb = peak_of(process.pid) or peak_kb
        process.stdout.close()
        process.wait(PATIENCE_S)
    assert process.returncode == 0
    assert came == GIGABYTE
    assert 10_000 < peak_kb < 100_000, f"the client's memory at most: {peak_kb} kB"
