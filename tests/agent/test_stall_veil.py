"""A stalled job's command lines and variables are told without secrets, known ones and such as only look like it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pod_agent.pod.stall import circumstances, evidence, portraits, processes, stacks, veil
from pod_agent.pod.stall.evidence import Around
from pod_agent.pod.stall.subject import Subject
from pod_wire.masker import Masker
from pod_wire.secrets import Secret
from tests.live import wait_for

SESAME = "sesame-open-0123456789-abcdefghij"
MASKER = Masker((Secret(SESAME),))
NOBODY = Masker(())
SHOWN = {
    "python a.py --token hf_abc --lr 3": "python a.py --token ******** --lr 3",
    "python a.py --hub-token=hf_abc": "python a.py --hub-token=********",
    "python a.py -api_key 'two words' x": "python a.py -api_key ******** x",
    "HF_TOKEN=hf_abc python a.py": "HF_TOKEN=******** python a.py",
    "a wandb.api_key=abc lr=3": "a wandb.api_key=******** lr=3",
    "a --PASSWORD abc": "a --PASSWORD ********",
    "git clone https://user:tok@host/x": "git clone https://********@host/x",
    "git clone https://tok@host/x?a@b": "git clone https://********@host/x?a@b",
    "a --use-auth-token --lr 3": "a --use-auth-token --lr 3",
    "a --tokenizer gpt2 --max-tokens 9 --key-file k": "a --tokenizer gpt2 --max-tokens 9 --key-file k",
    "see https://host/x and me@host": "see https://host/x and me@host",
}


@pytest.fixture
def job():
    """A process that sleeps with such a command line and environment."""
    made = []

    def begin(*argv, **env):
        code = "print('ready', flush=True); import time; time.sleep(600)"
        argv = [sys.executable, "-c", code, *argv]
        env = {**env, "PATH": os.defpath}
        made.append(subprocess.Popen(argv, stdout=subprocess.PIPE, env=env, start_new_session=True))
        wait_for("it runs", made[-1].stdout.readline)
        return made[-1].pid

    yield begin
    for one in made:
        one.kill()
        one.wait()
        one.stdout.close()


@pytest.mark.parametrize("said", SHOWN)
def test_what_only_looks_like_a_secret(said):
    """Values after a name that ends in token, key, password or secret, and logins in URLs; nothing else."""
    assert veil.line(said.encode(), NOBODY) == SHOWN[said]


def test_a_value_of_many_words_is_one():
    """The kernel says where it ends."""
    data = b"a\0--password\0my pass phrase\0--lr\0003\0"
    assert veil.command(data, NOBODY) == "a --password ******** --lr 3"
    assert veil.command(b"a\0--token\0--lr\0003\0", NOBODY) == "a --token --lr 3"
    assert veil.command(b"", NOBODY) == ""


@pytest.mark.parametrize("before", range(0, 160, 9))
def test_a_secret_across_the_cut_shows_nothing_of_itself(job, before):
    """Wherever in the command line it stands, also where only its beginning would be told."""
    pid = job("x" * before, SESAME, "y" * 200)
    told = portraits.command(f"/proc/{pid}", MASKER)
    assert told.endswith("…")
    assert SESAME[:6] not in told


def test_a_variable_of_a_secret_across_the_cut(job):
    """A secret within a variable that is told otherwise."""
    pid = job(NCCL_DEBUG="z" * 190 + SESAME, NCCL_SOCKET_IFNAME="eth0")
    told = circumstances.variables(pid, MASKER)
    assert told[0] == "NCCL_DEBUG=" + "z" * 190 + "*" * 10
    assert told[1] == "NCCL_SOCKET_IFNAME=eth0"


@pytest.mark.parametrize("before", range(140, 200, 7))
def test_a_complaint_of_py_spy_with_a_secret_across_the_cut(tmp_path, before):
    """It may quote whatever it did not understand."""
    program = tmp_path / "py-spy"
    program.write_text(f"#!/bin/sh\necho '{'x' * before} {SESAME} more' >&2\nexit 1\n")
    program.chmod(0o755)
    lines, _ = stacks.by_py_spy(str(program), [processes.Task(7, 1, "python")], MASKER)
    assert "x" * before in lines[0]
    assert SESAME[:6] not in lines[0]


@pytest.mark.parametrize("before", range(130, 180, 7))
def test_the_kernels_words_with_a_secret_across_the_cut(tmp_path, before):
    """A program may be named by its command."""
    record = tmp_path / "kmsg"
    record.write_bytes(f"6,339,5140900000,-;Killed process 1 ({'x' * before} {SESAME} more)\n".encode())
    (line,) = circumstances.kernel(MASKER, str(record))
    assert "x" * before in line
    assert SESAME[:6] not in line


def test_a_line_is_masked_before_the_pipe_cuts_it(tmp_path):
    """Whatever is said of the job, such as its reason."""
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDWR | os.O_NONBLOCK)
    gone = subprocess.Popen(["true"])
    gone.wait()
    subject = Subject("r-1", 1, gone.pid, 0, tmp_path, Path("/nowhere"), Path("/nowhere"), 60.0)
    try:
        evidence.tell(
            subject, "s" * 1980 + SESAME + "\udcff", Around("", lambda: None, MASKER), within_s=60.0
        )
        text = os.read(reader, 1 << 16).decode()
    finally:
        os.close(reader)
    assert "s" * 1980 in text
    assert SESAME[:6] not in text
