"""What is said of a stalled job: stacks from outside or from itself, portraits, variables, the kernel's last words."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pod_agent.pod.stall import circumstances, evidence, pipe, portraits, processes, stacks
from pod_agent.pod.stall.evidence import Around
from pod_agent.pod.stall.subject import Subject
from pod_agent.pod.vitals.sample import Container, Gpu, GpuReport, Gpus, Sample
from pod_wire.masker import Masker
from tests.live import wait_for

NONE = Masker(())
PARENT = """
import os, signal, subprocess, sys, time
def waits_for_its_ranks(ranks):
    while all(one.poll() is None for one in ranks):
        time.sleep(0.01)
    for one in ranks:
        one.kill()
def rank():
    print("ready", flush=True)
    signal.pause()
if len(sys.argv) > 1:
    rank()
else:
    waits_for_its_ranks([subprocess.Popen([sys.executable, __file__, str(n)]) for n in range(3)])
"""


@pytest.fixture
def launcher(tmp_path):
    """A launcher that kills all its ranks as soon as one of them has ended."""
    place = tmp_path / "launch.py"
    place.write_text(PARENT)
    said = tmp_path / "said"
    env = {"PYTHONFAULTHANDLER": "1", "PATH": os.defpath}
    with said.open("wb") as out:
        made = subprocess.Popen(
            [sys.executable, str(place)], env=env, stdout=out, stderr=out, start_new_session=True
        )
    wait_for("three ranks", lambda: said.read_text().count("ready") == 3)
    yield made, said
    if made.poll() is None:
        os.killpg(made.pid, signal.SIGKILL)
    made.wait()


def test_every_rank_says_its_stacks_before_its_launcher_ends_it(launcher):
    """The others stand still while one tells; nobody leaves a core; afterwards all have ended."""
    made, said = launcher
    tasks = processes.family(made.pid, 0).tasks
    asked = stacks.who_can_tell(tasks, set())
    assert len(asked) == 4
    assert stacks.by_abort(asked, tasks, 60.0) == asked[::-1]
    assert made.wait(30) == -signal.SIGABRT
    text = said.read_text()
    assert text.count("Fatal Python error: Aborted") == 4
    assert text.count("in rank\n") == 3
    assert text.count("in waits_for_its_ranks\n") == 1


def test_when_the_time_is_over_nobody_is_left_stopped(launcher):
    """No more of them is asked, and whoever was stopped meanwhile goes on, to hear POD_SIGNAL."""
    made, said = launcher
    tasks = processes.family(made.pid, 0).tasks
    asked = stacks.who_can_tell(tasks, set())
    assert stacks.by_abort(asked, tasks, all_s=0.0) == []
    wait_for("all go on", lambda: all(processes.look(task.pid).state in "SR" for task in tasks))
    assert made.poll() is None
    assert "Aborted" not in said.read_text()


@pytest.mark.parametrize("is_full", [False, True])
def test_it_is_told_within_its_time(launcher, tmp_path, is_full):
    """A pipe that takes nothing, or a py-spy that hangs: neither makes it later than it may be."""
    made, _ = launcher
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDWR | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while is_full:
            os.write(reader, b"x" * 4096)
    spy(tmp_path, "exec sleep 600")
    subject = Subject("r-1", 1, made.pid, 0, tmp_path, Path("/nowhere"), Path("/nowhere"), 60.0)
    began = time.monotonic()
    try:
        evidence.tell(subject, "stalled", Around(str(tmp_path), lambda: None, NONE), within_s=0.5)
    finally:
        os.close(reader)
    assert time.monotonic() - began < 9, "five seconds for each part of it, and forty for py-spy before"
    tasks = processes.family(made.pid, 0).tasks
    assert len(tasks) == 4
    wait_for("all go on", lambda: all(processes.look(task.pid).state in "SR" for task in tasks))


def test_who_cannot_tell_is_not_asked(tmp_path):
    """No Python, a Python without faulthandler, one that was told of already: none of them is sent SIGABRT."""
    plain = [sys.executable, "-c", "print('ready', flush=True); import time; time.sleep(100)"]
    made = subprocess.Popen(
        ["bash", "-c", '"$@" & wait', "bash", *plain], env={}, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        made.stdout.readline()
        tasks = processes.family(made.pid, 0).tasks
        assert len(tasks) == 2
        assert stacks.who_can_tell(tasks, set()) == []
        assert [task.pid for task in tasks if portraits.is_python(task.pid)] == [tasks[-1].pid]
    finally:
        os.killpg(made.pid, signal.SIGKILL)
        made.wait()
        made.stdout.close()


def test_no_core_is_written():
    """Whatever the limit was, a program that takes cores is given none, and no file is made."""
    made = subprocess.Popen(["sleep", "100"])
    try:
        task = processes.Task(made.pid, processes.look(made.pid).started)
        assert stacks.by_abort([task], [task], 60.0) == [task]
        assert made.wait(30) == -signal.SIGABRT
        gone = processes.Task(made.pid, task.started)
        assert stacks.by_abort([gone], [gone], 60.0) == []
    finally:
        made.kill()
        made.wait()
    assert stacks.NO_CORE == 1
    assert resource.RLIMIT_CORE == 4


def spy(folder, text):
    """A program where the job's PATH has py-spy."""
    place = folder / "py-spy"
    place.write_text(f"#!/bin/bash\n{text}\n")
    place.chmod(0o755)
    return str(place)


SAID = "printf 'Process 1: python train.py --token x\\nPython v3.12\\n\\nThread 1 (idle)\\n  f (a.py:3)\\n'"


def test_py_spy_is_asked_where_there_is_one(tmp_path):
    """Its stacks are told without the command line; a refusal is said once, and nobody else is tried."""
    tasks = [processes.Task(7, 1, "python"), processes.Task(8, 1, "python")]
    lines, told = stacks.by_py_spy(spy(tmp_path, SAID), tasks, NONE)
    assert told == {7, 8}
    assert lines[:3] == ["  pid 7 python:", "    Thread 1 (idle)", "      f (a.py:3)"]
    assert "token" not in "".join(lines)
    lines, told = stacks.by_py_spy(
        spy(tmp_path, "echo 'Permission denied (os error 13)' >&2; exit 1"), tasks, NONE
    )
    assert (len(lines), told) == (1, set())
    assert "Permission denied" in lines[0]
    assert stacks.py_spy(str(tmp_path)) == str(tmp_path / "py-spy")
    assert stacks.py_spy("/nowhere") is None


def test_a_py_spy_that_hangs_is_left(tmp_path):
    """It waits with the process that it looks at: a few seconds, and the others' turn does not come for ever."""
    tasks = [processes.Task(7, 1, "python"), processes.Task(8, 1, "python")]
    lines, told = stacks.by_py_spy(spy(tmp_path, "exec sleep 60"), tasks, NONE, all_s=0.3)
    assert told == set()
    assert "it does not answer" in lines[0]
    assert lines[-1] == "  the rest would take too long"


def test_a_portrait():
    """State, where it waits, its command; of one that has gone, next to nothing, and no error."""
    made = subprocess.Popen(["sleep", "100"])
    try:
        wait_for("it sleeps", lambda: processes.look(made.pid).state == "S")
        first, command = portraits.portrait(processes.Task(made.pid, 1, "sleep", "S"), NONE)
        assert first.startswith(f"  pid {made.pid} sleep: asleep")
        assert command == "    command: sleep 100"
    finally:
        made.kill()
        made.wait()
    assert portraits.portrait(processes.Task(made.pid, 1, "sleep", "D"), NONE)[-1].endswith(
        "may not be read here"
    )


def test_variables_without_secrets(tmp_path):
    """Those that ranks go by, of the process itself; what sounds like a secret, or is a whole address, is stars."""
    env = {
        "NCCL_DEBUG": "INFO",
        "TORCH_HUB_TOKEN": "sesame-open",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "MASTER_ADDR": "10.0.0.1",
        "NCCL_NET_URL": "https://me:sesame@host",
        "HF_TOKEN": "sesame-hf",
        "OTHER": "1",
    }
    made = subprocess.Popen(["sleep", "100"], env={**env, "PATH": os.defpath})
    try:
        wait_for("it has begun", lambda: portraits.command(f"/proc/{made.pid}", NONE) == "sleep 100")
        found = circumstances.variables(made.pid, NONE)
    finally:
        made.kill()
        made.wait()
    assert found == [
        "CUDA_VISIBLE_DEVICES=0,1",
        "MASTER_ADDR=10.0.0.1",
        "NCCL_DEBUG=INFO",
        "NCCL_NET_URL=********",
        "TORCH_HUB_TOKEN=********",
    ]


def test_the_kernel_s_last_words(tmp_path):
    """What matters of the last hour, the newest last; where they may not be read, that is said."""
    assert circumstances.OF_NOTE.search("NVRM: Xid (PCI:0000:65:00): 79, GPU has fallen off the bus.")
    assert circumstances.OF_NOTE.search("INFO: task python:812 blocked for more than 120 seconds.")
    assert not circumstances.OF_NOTE.search("eth0: link becomes ready")
    assert "may not be read here" in circumstances.kernel(NONE, str(tmp_path / "nowhere"))[0]
    record = tmp_path / "kmsg"
    record.write_bytes(b"6,339,5140900000,-;NVRM: Xid 79\n SUBSYSTEM=pci\n")
    assert circumstances._read(record.read_bytes()) == (5140.9, "NVRM: Xid 79")
    assert circumstances._read(b"no record") == (None, "")


def test_the_gpus_in_words():
    """What each does, and what its driver complained of; unknown is not none."""
    gpu = Gpu(
        0, name="NVIDIA A100", utilization=1.0, power_watts=92.0, power_limit_watts=400.0, xids=((79, 1),)
    )
    sample = Sample(0.0, 0.0, GpuReport(Gpus.SEEN, (gpu,)), Container())
    assert circumstances.gpus(sample) == ["  GPU 0 NVIDIA A100, use 100%, 92 of 400 W, Xid 79 (1 times)"]
    assert circumstances.gpus(Sample(0.0, 0.0, GpuReport(Gpus.ABSENT), Container())) == [
        "  this pod has none"
    ]
    silent = Sample(0.0, 0.0, GpuReport(Gpus.UNKNOWN, words="it does not answer"), Container())
    assert circumstances.gpus(silent) == ["  not known: it does not answer"]
    assert circumstances.gpus(None) == ["  not known"]


def test_lines_go_through_the_job_s_pipe(tmp_path):
    """Whole lines, in pieces that the kernel keeps together; a full pipe is not waited for long."""
    lines = [f"line {n} {'x' * 100}" for n in range(100)]
    made = pipe.pieces(["", *lines, "a\0b\x1b[31m", "y" * 9000])
    assert all(len(one) <= 4096 for one in made)
    whole = b"".join(made).decode().split("\n")
    assert whole[0] == ""
    assert whole[1:101] == lines
    assert whole[101] == "a b [31m"
    assert len(whole[102]) == pipe.MOST_LINE
    fifo = tmp_path / "fifo"
    assert not pipe.say(fifo, lines)
    os.mkfifo(fifo)
    assert not pipe.say(fifo, lines), "nobody reads"
    reader = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        assert pipe.say(fifo, lines[:3])
        assert os.read(reader, 1 << 16).decode() == "".join(f"{line}\n" for line in lines[:3])
        assert not pipe.say(fifo, lines * 100, patience_s=0.05)
    finally:
        os.close(reader)


def test_a_job_whose_processes_are_gone_is_told_all_the_same(tmp_path):
    """Nothing to look at, no keeper, no sample: what can be said is said, and nothing fails."""
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDWR | os.O_NONBLOCK)
    gone = subprocess.Popen(["true"])
    gone.wait()
    subject = Subject("r-1", 1, gone.pid, 0, tmp_path, Path("/nowhere"), Path("/nowhere"), 60.0)
    try:
        evidence.tell(subject, "stalled: so it is", Around("", lambda: None, NONE), within_s=60.0)
        text = os.read(reader, 1 << 16).decode()
    finally:
        os.close(reader)
    assert "podkeep: stalled: so it is\n" in text
    assert "podkeep: its processes cannot be seen\n" in text
    assert "podkeep: the GPUs:\n  not known\n" in text
