"""How the steps before the training run programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pod_agent.run.work import StepCancelled, StepFailed, Work
from pod_wire.clock import RealClock
from tests.live import wait_for

ENV = {"PATH": os.environ["PATH"]}


class Log:
    def __init__(self):
        self.data = b""
        self.work = Work(self.write, RealClock())

    def write(self, data):
        self.data += data


def bash(work, script, **how):
    return work.run(["bash", "-c", script], cwd=Path("/"), env=ENV, **how)


def wait_gone(pid):
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_output_goes_into_the_log_and_its_tail_is_returned():
    """A program's stdout and stderr both reach the log, and its exit code is told."""
    log = Log()
    finished = bash(log.work, "echo one; echo two >&2; exit 3")
    assert finished.code == 3
    assert sorted(log.data.split()) == [b"one", b"two"]
    assert finished.output == log.data


def test_captured_output_stays_out_of_the_log():
    """capture returns stdout and stderr apart and writes nothing."""
    log = Log()
    finished = bash(log.work, "echo one; echo two >&2", capture=True)
    assert (finished.output, finished.errors, log.data) == (b"one\n", b"two\n", b"")


def test_a_large_output_is_passed_on_whole():
    """Bytes are not lost or reordered when the output is larger than any pipe."""
    log = Log()
    bash(log.work, "seq 1 200000")
    assert log.data == b"".join(b"%d\n" % n for n in range(1, 200001))


def test_cancel_ends_the_whole_session():
    """A cancelled program and the child it left in the background are gone when run returns."""
    log = Log()
    waiting = threading.Thread(target=lambda: wait_for("its pid", lambda: log.data) and log.work.cancel())
    waiting.start()
    with pytest.raises(StepCancelled):
        bash(log.work, "sleep 60 & echo $!; wait")
    waiting.join()
    assert wait_gone(int(log.data))


def test_cancel_ends_also_who_left_the_session():
    """A daemon of a cancelled program is gone when run returns, also one that does not listen."""
    log = Log()
    script = "setsid bash -c \"trap '' TERM; echo \\$\\$; sleep 60\" & wait; sleep 60"
    waiting = threading.Thread(target=lambda: wait_for("its pid", lambda: log.data) and log.work.cancel())
    waiting.start()
    with pytest.raises(StepCancelled):
        bash(log.work, script)
    waiting.join()
    assert wait_gone(int(log.data))


def test_a_daemon_of_a_program_that_ends_well_stays():
    """A set-up may start what the training needs."""
    log = Log()
    assert bash(log.work, "setsid sleep 60 >/dev/null 2>&1 & echo $!; sleep 0.3").ok
    daemon = int(log.data)
    try:
        assert "sleep" in Path(f"/proc/{daemon}/comm").read_text()
    finally:
        os.kill(daemon, signal.SIGKILL)


def test_a_leftover_child_that_holds_the_pipe_does_not_hold_the_step():
    """The step ends when its program ends, and what it left behind is ended too."""
    log = Log()
    began = time.monotonic()
    bash(log.work, "sleep 60 & echo $!")
    assert time.monotonic() - began < 5
    assert wait_gone(int(log.data))


def test_silence_fails_the_step():
    """No output, CPU or bytes for the limit is a failure with a remedy."""
    work = Work(lambda _: None, RealClock(), silence_s=0.6)
    with pytest.raises(StepFailed, match="no output, no CPU") as caught:
        work.run(["sleep", "60"], cwd=Path("/"), env=ENV)
    assert caught.value.hint


def test_cpu_is_a_sign_of_life():
    """A program that computes without a word is not silent."""
    work = Work(lambda _: None, RealClock(), silence_s=0.8)
    script = "import time\nend = time.time() + 1.6\nwhile time.time() < end: pass"
    assert work.run([sys.executable, "-S", "-c", script], cwd=Path("/"), env=ENV).ok


def test_a_program_that_is_not_there_is_named():
    """A missing program fails the step by name instead of as a traceback."""
    with pytest.raises(StepFailed, match="cannot run no-such-program in /: there is no such program"):
        Log().work.run(["no-such-program"], cwd=Path("/"), env=ENV)


def test_a_program_dies_with_the_agent():
    """A step's program does not outlive the process that started it."""
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from pod_agent.run.work import Work\nfrom pod_wire.clock import RealClock\n"
        "work = Work(lambda d: os.write(1, d), RealClock())\n"
        "work.run(['bash', '-c', 'echo $$; exec sleep 60'], cwd=Path('/'), env=dict(os.environ))\n"
    )
    agent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert agent.stdout is not None
    pid = int(agent.stdout.readline())
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    agent.stdout.close()
    assert wait_gone(pid)
