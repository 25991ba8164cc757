"""A real agent under the idle brake, on a machine of its own making: who uses it is seen, and the end is announced."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.agent.agent_process import AgentProcess
from tests.fakes.nvml_replay import Replay
from tests.live import wait_for

pytestmark = pytest.mark.slow
BURNER = "while :; do :; done"


class Place:
    """An agent that waits, outside RunPod, and what it is shown of the machine."""

    def __init__(self, folder):
        self.machine = folder / "machine"
        (self.machine / "proc").mkdir(parents=True)
        (self.machine / "dev" / "pts").mkdir(parents=True)
        self.agent = AgentProcess(
            folder, POD_JOB="", POD_IDLE_MINUTES="0.1", PODKEEP_MACHINE=str(self.machine)
        )
        self.burner = None

    def burn(self):
        self.burner = subprocess.Popen(["bash", "-c", BURNER])
        (self.machine / "proc" / str(self.burner.pid)).symlink_to(f"/proc/{self.burner.pid}")

    def unburn(self):
        if self.burner is not None:
            self.burner.kill()
            self.burner.wait()

    def has_left(self):
        return self.agent.process.poll() is not None


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.unburn()
    made.agent.close()


def gpu_sign(status):
    signs = status["idle"]["signs"] if status["idle"] is not None else []
    return next((one for one in signs if one["name"] == "GPU"), {"state": "", "value": None})


def asking(pid):
    """The children of an agent that ask the driver. Threads and children come and go meanwhile."""
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            for child in (thread / "children").read_text().split():
                with contextlib.suppress(OSError):
                    found += [child] * (b"nvml.py" in Path(f"/proc/{child}/cmdline").read_bytes())
    return found


def in_use(status):
    return status["idle"] is not None and "programs" in status["idle"]["because"]


def test_a_program_by_hand_keeps_the_pod_until_it_ends(place):
    """The six seconds that it would wait are long over; the agent after a killed one sees it too."""
    place.burn()
    place.agent.start("sleep", "infinity")
    first = place.agent.until("in use", in_use)
    assert first["idle"]["because"] == "In use now: programs."
    place.agent.until("longer than it would wait", lambda status: status["now"] - first["now"] > 15)
    place.agent.kill()
    place.agent.start("sleep", "infinity")
    place.agent.until("in use again", in_use)
    place.unburn()
    wait_for("it has left", place.has_left)
    assert "the last one: programs" in place.agent.said()


def test_the_end_is_announced(place):
    """On the console, with what prevents it; then it goes."""
    place.agent.start("sleep", "infinity")
    wait_for("it has left", place.has_left)
    said = place.agent.said()
    assert "because the pod is idle: no job for 0.1 minutes" in said
    assert "pod-client keep POD 1h" in said
    assert said.index("stopping in") < said.index("policy=exit")


def test_the_last_message_is_in_the_log_of_the_job(tmp_path):
    """The job is over and the pod was kept: why it ends, with every signal, and an event in the journal."""
    (tmp_path / "machine" / "proc").mkdir(parents=True)
    machine = str(tmp_path / "machine")
    agent = AgentProcess(tmp_path, POD_COMMAND="echo done", POD_IDLE_MINUTES="0.1", PODKEEP_MACHINE=machine)
    try:
        agent.start()
        wait_for("it has left", lambda: agent.process.poll() is not None)
        log = agent.log().decode()
        assert log.index("EXIT_CODE=0") < log.index("stopping in") < log.index("podkeep:   signal")
        assert "podkeep:   ssh" in log
        kinds = [json.loads(line)["kind"] for line in (agent.job / "journal.jsonl").read_text().splitlines()]
        assert kinds.index("outcome") < kinds.index("idle_notice")
    finally:
        agent.close()


def test_one_watcher_of_the_driver_is_enough(driver, tmp_path):
    """The brake reads the GPU off the looks at the machine; a driver that hangs is unknown, and counts as in use."""
    Replay(driver, "idle")
    agent = AgentProcess(tmp_path, POD_JOB="", RUNPOD_GPU_COUNT="1", **driver.environment)
    try:
        agent.start("sleep", "infinity").until(
            "it is idle", lambda status: gpu_sign(status)["state"] == "idle"
        )
        Replay(driver, "training")
        agent.until("it computes", lambda status: gpu_sign(status)["value"] == "97%")
        assert len(asking(agent.process.pid)) == 1
        driver.say("hang 1")
        status = agent.until("nobody knows", lambda status: gpu_sign(status)["state"] == "unknown")
        assert gpu_sign(status)["holds_until"] > status["now"] + 14 * 60
    finally:
        agent.close()
