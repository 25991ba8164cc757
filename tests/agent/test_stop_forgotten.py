"""A stop that is under way is forgotten where a job goes on in the same boot: the last resort reads the same mark."""

from __future__ import annotations

import json
import time

import pytest

from pod_agent.pod import stopping
from pod_agent.pod.moment import Moment
from pod_agent.pod.stopping import Stopping
from pod_agent.run.climbing import WORKING, changed
from pod_agent.run.situation import State
from pod_wire.status import Phase
from tests.agent.agent_process import AgentProcess
from tests.live import wait_for


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("opening", [False, True])
def test_only_work_makes_it_forgotten(tmp_path, phase, opening):
    """Not the opening of a boot, not the end of a job, and never the stop itself."""
    stopping.write(tmp_path, Stopping("b1", "idle", at=10.0))
    changed(tmp_path, State(phase=phase, opening=opening))
    found = stopping.read(tmp_path, "b1", Moment(10.0, 0.0))
    assert (found is None) is (phase in WORKING)
    changed(tmp_path / "missing", State(phase=phase))


def test_a_mark_that_stays_is_said(tmp_path, caplog):
    """A disk that lets nothing go: the job goes on, and the agent's log tells."""
    (tmp_path / stopping.FILE).mkdir()
    changed(tmp_path, State(phase=Phase.RUNNING))
    assert "stopping=kept" in caplog.text


def test_an_order_in_the_same_boot_is_not_stopped_for_it(tmp_path):
    """A mark that no agent believes any more is gone before the order's training begins."""
    pod = AgentProcess(tmp_path, POD_JOB="", PODKEEP_SSH_PORT="1")
    try:
        boot = pod.start().until("it waits", lambda told: told["phase"] == "waiting" and told["boot"])["boot"]
        pod.kill()
        mark = tmp_path / "disk" / stopping.FILE
        stopping.write(mark.parent, Stopping(boot, "idle", at=time.time() - 2 * stopping.OLD_S))
        pod.start().until("it waits again", lambda told: told["phase"] == "waiting" and told["boot"] == boot)
        assert mark.exists()
        order = {"command": f"ls {mark.parent}; sleep 60", "name": "p", "on_failure": "keep"}
        pod.post("/jobs", json.dumps(order).encode())
        assert not mark.exists()
        log = pod.workspace / ".podkeep" / "jobs" / "p" / "log"
        wait_for("the training looks", lambda: log.exists() and b"boot.json" in log.read_bytes())
        assert stopping.FILE.encode() not in log.read_bytes().partition(b"sleep 60")[2]
    finally:
        pod.close()
