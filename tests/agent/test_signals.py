"""A signal is heard at once, also by a program whose main thread waits for something else."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

AGENT = Path(__file__).parents[2] / "agent"
PROGRAM = """
import queue, signal, sys, threading, time
sys.path.append(sys.argv[1])
from pod_agent import signals
mailbox = queue.SimpleQueue()
signals.hear((signal.SIGTERM, signal.SIGINT), lambda: mailbox.put("told"))
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})  # another thread gets it, as in the race
print("ready", flush=True)
for _ in range(2):
    print(mailbox.get(timeout=600), flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_the_main_thread_does_not_see_is_told(number):
    """Twice sent is twice told, though the main thread sleeps in its mailbox throughout."""
    with subprocess.Popen(
        [sys.executable, "-I", "-c", PROGRAM, str(AGENT)], stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            for said in ("ready", "told", "told"):
                assert program.stdout.readline() == f"{said}\n"
                program.send_signal(number)
        finally:
            program.kill()
