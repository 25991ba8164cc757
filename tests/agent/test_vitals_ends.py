"""Whoever asks NVIDIA's driver ends with the agent, however that one ends: a real program, killed with -9."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import nvml
from tests.live import wait_for

BEGINS = (  # as the agent does: in a thread that goes on
    "import json, sys, threading, time",
    "from pathlib import Path",
    "from pod_agent.pod.preflight import gpu_look",
    "from pod_agent.pod.vitals.gpu_watch import GpuWatch",
    "from pod_wire.clock import RealClock",
    "env = json.loads(sys.argv[2])",
    "def looks():",
    "    if sys.argv[1] == 'preflight':",
    "        gpu_look.look(env, 600.0)",
    "    watcher = GpuWatch(env, RealClock(), devices=Path('/nowhere'))",
    "    while True:",
    "        watcher.look()",
    "        time.sleep(0.05)",
    "threading.Thread(target=looks).start()",
    "time.sleep(600)",
)
GONE_S = 60.0


@pytest.fixture
def agent():
    """A process that asks the driver, until it is killed."""
    begun = []

    def begin(kind, environment):
        argv = [sys.executable, "-c", "\n".join(BEGINS), kind, str(environment).replace("'", '"')]
        begun.append(subprocess.Popen(argv))
        return begun[-1]

    yield begin
    for one in begun:
        one.kill()
        one.wait()


def its_children(pid):
    """Those of all its threads."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(one) for one in (task / "children").read_text().split()]
    return found


@pytest.mark.parametrize(
    ("kind", "facts"), [("watch", nvml.GPU), ("watch", "hang 1"), ("preflight", "hang 1")]
)
def test_nobody_asks_the_driver_for_an_agent_that_is_gone(agent, driver, kind, facts):
    """Killed with -9, also while the driver hangs and nothing can be heard of it."""
    driver.say(facts)
    asker = agent(kind, driver.environment)
    wait_for("the driver was asked", driver.looks)
    (child,) = wait_for("its program", lambda: its_children(asker.pid))
    fd = os.pidfd_open(child)
    try:
        asker.send_signal(signal.SIGKILL)
        asker.wait()
        gone, _, _ = select.select([fd], [], [], GONE_S)
        if not gone:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
        assert gone
    finally:
        os.close(fd)
