"""A line without an end, a gigabyte long: the client's memory does not grow with it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from pod_wire.status import LogPlace, Outcome, Phase
from tests.fakes.agent_server import FakeAgent

GIGABYTE = 1 << 30


class Line:
    """So many bytes, made when they are read."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> bytes:
        return b"x" * (min(part.stop, self.size) - part.start)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="wait4 tells a program's memory on Unix only")
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
        came = 0
        while data := process.stdout.read1(1 << 20):
            came += len(data)
        process.stdout.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert came == GIGABYTE
    kilobytes = used.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 100_000
    sys.stderr.write(f"client's memory at most: {kilobytes / 1000:.0f} MB\n")
