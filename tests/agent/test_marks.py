"""What an agent leaves for others to find: who it is, and that the container may end with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pod_agent.pod import marks
from tests.agent.agent_process import AgentProcess

FULL_DISK = """
import os, sys
from pathlib import Path
from pod_agent.pod import marks
disk = Path(sys.argv[1])
with (disk / "filler").open("wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        print("full")
marks.leaving(disk, 7)
print((disk / "leave").exists())
"""


def test_an_agent_is_known_by_its_start_time(tmp_path):
    """A pid that was given to somebody else since is no agent's."""
    marks.here(tmp_path)
    assert marks.agent(tmp_path) == os.getpid()
    (tmp_path / "agent.pid").write_text(f"{os.getpid()} 12345\n")
    assert marks.agent(tmp_path) is None


@pytest.mark.parametrize(
    "damage", [None, b"", b"1\n", b"x y", b"\xff 1", b"-1 1", b"9" * 9000 + b" 1", b"1 2 3"]
)
def test_a_damaged_mark_is_nobody_s(tmp_path, damage):
    """Whatever lies there, an agent may begin."""
    if damage is not None:
        (tmp_path / "agent.pid").write_bytes(damage)
    assert marks.agent(tmp_path) is None


def test_an_earlier_leaving_is_taken_away(tmp_path):
    """Else the entrypoint would end with the new agent's first crash."""
    marks.leaving(tmp_path, 7)
    assert (tmp_path / "leave").read_text() == "7\n"
    marks.here(tmp_path)
    assert not (tmp_path / "leave").exists()


def test_leaving_needs_no_room(tmp_path):
    """On a disk that is really full the mark is empty, and there: the container ends with the job's own code."""
    rights = "-m" if os.geteuid() == 0 else "-Urm"
    script = 'mount -t tmpfs -o size=256k podkeep-test "$0" && exec "$@"'
    argv = ["unshare", rights, "sh", "-c", script, tmp_path, sys.executable, "-c", FULL_DISK, tmp_path]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["full", "True"], done.stderr


@pytest.mark.slow
def test_a_second_agent_is_refused(tmp_path):
    """Begun within a job or over ssh it would take the first one's place: it says what to write instead."""
    pod = AgentProcess(tmp_path, POD_COMMAND="").start()
    try:
        pod.until("waiting", lambda status: status["phase"] == "waiting")
        argv = [sys.executable, "-m", "pod_agent", "run", "--", "touch", str(tmp_path / "ran")]
        done = subprocess.run(argv, env=pod.env, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 3
        assert f"lives in this container already, as process {pod.process.pid}" in done.stderr
        assert pod.status()["job"] is None
        assert marks.agent(Path(pod.env["PODKEEP_RUN_DIR"])) == pod.process.pid
        assert not (tmp_path / "ran").exists()
    finally:
        pod.close()


@pytest.mark.slow
def test_what_the_image_gives_the_job_s_python_is_not_the_agent_s(tmp_path):
    """A PYTHONPATH full of traps, as images have it for their trainings: the agent lives, and the job sees it."""
    traps = tmp_path / "traps"
    traps.mkdir()
    for name in ("logging", "requests", "queue", "uvicorn", "sitecustomize"):
        (traps / f"{name}.py").write_text("raise SystemExit('a trap')\n")
    pod = AgentProcess(tmp_path, POD_COMMAND="echo path $PYTHONPATH", PYTHONPATH=str(traps))
    try:
        pod.start(entrypoint=True)
        pod.until("finished", lambda status: status["phase"] == "finished")
        assert f"\npath {traps}\n".encode() in pod.log()
    finally:
        pod.close()
