"""POD_SIGNAL: whichever it is, and however the training is started, the training hears it, and hears it once."""

from __future__ import annotations

import re
import shlex
import sys

import pytest

from pod_agent.run.attempt_plan import Patience
from tests.agent.bench import Bench, end_of, program, until

SAVES = """
import os, signal, sys, time
def save(number, frame):  # os.write: a print amid a print is refused
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
    time.sleep(float(sys.argv[1]))
    open("saved", "w").close()
    os._exit(0)
for name in ("SIGTERM", "SIGINT", "SIGUSR1", "SIGHUP"):
    signal.signal(getattr(signal, name), save)
os.write(1, b"ready\\n")
while True:
    time.sleep(60)
"""
PYTHON = shlex.quote(sys.executable)
WORKER = f"{PYTHON} -S -c {shlex.quote(SAVES)} 0"
LAUNCHER = f"""
import signal, subprocess
for name in ("SIGTERM", "SIGINT", "SIGUSR1", "SIGHUP"):
    signal.signal(getattr(signal, name), lambda *_: None)
workers = [subprocess.Popen({shlex.split(WORKER)!r}, start_new_session=True) for _ in range(2)]
for worker in workers:
    worker.wait()
"""
SHAPES = {
    "alone": f"exec {WORKER}",
    "below a shell": f"cd . && {WORKER}; true",
    "before a pipe": f"{WORKER} 2>&1 | tee copy | cat",
    "in the background of a shell": f"{WORKER} & wait",
    "workers in sessions of their own": f"{PYTHON} -c {shlex.quote(LAUNCHER)}",
}


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.finish()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["TERM", "INT", "USR1", "HUP"])
def test_the_training_hears_it(bench, name, shape):
    """The whole tree is told, each process once."""
    count = 2 if shape.startswith("workers") else 1
    attempt = bench.start(SHAPES[shape], signal=name)
    until(lambda: bench.log.read_bytes().count(b"ready\n") == count)
    attempt.hurry()
    end_of(attempt)
    heard = re.findall(rb"^(SIG\w+)$", bench.output(), re.MULTILINE)
    assert heard == [b"SIG" + name.encode()] * count


def test_a_training_before_tee_says_its_last_words_and_saves(bench):
    """`train.py | tee log`: with tee gone first its next word would be a broken pipe, and the save be lost."""
    attempt = bench.start(f"{PYTHON} -S -c {shlex.quote(SAVES)} 0.3 2>&1 | tee copy")
    until(lambda: bench.said(b"ready\n"))
    attempt.cancel()
    end_of(attempt)
    assert (bench.cwd / "saved").exists()
    assert b"\nSIGTERM\n" in bench.output()
    assert (bench.cwd / "copy").read_bytes() in bench.output()


def test_a_filter_without_an_end_is_killed_in_time(bench):
    """What feeds it does not listen: both go when patience is over."""
    attempt = bench.start(f"{program('ignores_sigterm.py')} | cat", patience=Patience(grace_s=0.5))
    until(lambda: bench.said(b"ready\n"))
    attempt.cancel()
    assert end_of(attempt).cancelled
