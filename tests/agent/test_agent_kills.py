"""A real agent that is killed again and again, at moments that a seed chooses: one training, one record, one end."""

from __future__ import annotations

import random
import time

import pytest

from tests.agent.agent_process import AgentProcess

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [1, 2])
def test_no_attempt_begins_twice_under_kills(tmp_path, seed):
    """Ten agents killed within their first half second: the command began once, and its end is known."""
    dice = random.Random(seed)
    pod = AgentProcess(
        tmp_path, POD_COMMAND="echo began >> began; for i in $(seq 80); do echo $i; sleep 0.1; done"
    )
    try:
        for _ in range(10):
            pod.start()
            time.sleep(dice.uniform(0.05, 0.6))
            pod.kill()
        pod.start()
        status = pod.until("the end", lambda status: status["job"] and status["job"]["outcome"])
        assert status["job"]["outcome"] == "succeeded"
        assert len(status["job"]["attempts"]) == 1
        assert (pod.workspace / "began").read_text() == "began\n"
        assert [line for line in pod.log().split(b"\n") if line.isdigit()] == [
            b"%d" % i for i in range(1, 81)
        ]
    finally:
        pod.close()
