"""The real client follows a real agent, byte for byte: no text, no last newline, one line of a gigabyte."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import PATIENCE_S, wait_for
from tests.story.bare_agent import TOKEN, BareAgent
from tests.story.test_outcomes import program

pytestmark = pytest.mark.slow
CLIENT = str(Path(sys.executable).with_name("pod-client"))
GIGABYTE = 1_000_000_000
MOST_MB = 100


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareAgent]:
    with BareAgent(
        tmp_path_factory.mktemp("agent"), HF_TOKEN="hf_only_so_that_masking_is_at_work"
    ) as running:
        yield running


def follow(agent: BareAgent, env: dict[str, str], **pipes) -> subprocess.Popen[bytes]:
    """`pod-client logs -f --raw` of a pod that this laptop did not start, with no proxy in between."""
    known = {**env, "POD_TOKEN": TOKEN, "POD_PROXY_URL": agent.url}
    return subprocess.Popen([CLIENT, "logs", "a-pod", "-f", "--raw"], env=known, **pipes)


def peak_mb(pid: int) -> float:
    """The most memory that a process ever had resident; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


@pytest.mark.parametrize("name", ["writes_no_utf8.py", "ends_without_newline.py", "exits_silently.sh"])
def test_odd_bytes_are_followed_as_they_are(agent, clean_environment, name):
    """What the client prints while it follows is the log file, whatever the bytes are."""
    job = name.partition(".")[0].replace("_", "-")
    agent.give(job, f"sleep 0.3; {program(agent, name, '')}")
    client = follow(agent, clean_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    printed, told = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 0, told.decode()
    assert printed == agent.log_file(job).read_bytes()
    assert agent.end_of(job)["log"]["size"] == len(printed)


def test_a_line_of_a_gigabyte_is_followed_in_little_memory(agent, clean_environment):
    """A gigabyte without a newline arrives whole, while client, agent and keeper each stay below 100 MB."""
    agent.give("endless", f"sleep 1; {program(agent, 'endless_line.py', str(GIGABYTE))}")
    peaks: dict[str, float] = {}
    client = follow(agent, clean_environment, stdout=subprocess.PIPE)
    keeper = wait_for("a keeper", lambda: keeper_of(agent))
    assert client.stdout
    sha, size = hashlib.sha256(), 0
    while block := os.read(client.stdout.fileno(), 1 << 20):
        sha.update(block)
        size += len(block)
        for name, pid in (("client", client.pid), ("keeper", keeper)):
            peaks[name] = max(peaks.get(name, 0.0), peak_mb(pid))
    client.stdout.close()
    assert client.wait(PATIENCE_S) == 0
    peaks["agent"] = peak_mb(agent.pid)
    log = agent.log_file("endless")
    assert size == log.stat().st_size > GIGABYTE
    with log.open("rb") as file:
        assert sha.hexdigest() == hashlib.file_digest(file, "sha256").hexdigest()
    log.unlink()  # pytest keeps its folders for a while
    assert set(peaks) == {"client", "keeper", "agent"}
    assert all(0 < peak < MOST_MB for peak in peaks.values()), peaks


def keeper_of(agent: BareAgent) -> int | None:
    try:
        return int((agent.folder / "run" / "keeper.pid").read_text().split()[0])
    except OSError:
        return None
