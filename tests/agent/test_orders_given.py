"""An order id that a client sends again, after newer ones, is agreed to and begins nothing."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

import pytest

from pod_agent.pod.record import MOST_ORDERS
from pod_agent.run import events as e
from pod_agent.run import machine
from pod_agent.run.asks import GiveOrder
from pod_agent.run.commands import Answer
from pod_agent.run.situation import State
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.routes import HEADER_ORDER
from pod_wire.status import Phase
from tests.agent.agent_process import TOKEN, AgentProcess
from tests.fakes.world import Lifetime, World

KEEP = JobSpec("digits", "x", on_finish=ExitPolicy.KEEP)


def test_it_is_not_run_again(tmp_path):
    """Whichever it was, as long as the pod remembers it; a new one runs."""
    world = World(tmp_path)
    agent = Lifetime(world).begin()
    for number in range(3):
        for order in ("o1", "o2", "o3")[: number + 1]:
            assert agent.ask(GiveOrder(KEEP, order)).accepted
        assert agent.status.job.order == f"o{number + 1}"
        assert len(world.begun) == number + 1


@pytest.mark.parametrize("phase", list(Phase))
def test_it_is_agreed_to_in_every_phase(phase):
    """Whoever asks twice because an answer was lost is not told that the pod is busy."""
    state, _ = machine.step(State(phase=phase, opening=True), e.Given(("o1", "o2")), 10.0)
    after, (answer,) = machine.step(state, GiveOrder(KEEP, "o1"), 10.0)
    assert after == state
    assert isinstance(answer, Answer)
    assert answer.verdict.accepted
    assert "not run again" in answer.verdict.reason


def test_what_is_remembered_has_an_end():
    """A pod that is given orders for ever does not grow."""
    given = tuple(f"o{number}" for number in range(MOST_ORDERS))
    state, _ = machine.step(State(), e.Given(given), 10.0)
    state, _ = machine.step(state, GiveOrder(KEEP, "new"), 10.0)
    assert state.given == (*given[1:], "new")


def post(pod, order):
    body = json.dumps({"command": f"echo ran {order}", "name": "p", "on_finish": "keep"}).encode()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", HEADER_ORDER: order}
    with urlopen(Request(f"http://127.0.0.1:{pod.port}/jobs", body, headers), timeout=30) as answer:
        return answer.status


def ends(pod, order):
    pod.until("its end", lambda told: told["job"]["order"] == order and told["job"]["outcome"])


def test_the_next_agent_knows_it_too(tmp_path):
    """The orders lie in the pod's own record, and are told before anybody may give one."""
    pod = AgentProcess(tmp_path, POD_JOB="", PODKEEP_SSH_PORT="1")
    try:
        pod.start().until("it waits", lambda told: told["phase"] == "waiting" and told["boot"])
        for order in ("o1", "o2"):
            assert post(pod, order) == 202
            ends(pod, order)
        pod.kill()
        pod.start().until("it is known", lambda told: told["phase"] == "finished")
        assert post(pod, "o1") == 202
        assert pod.status()["job"]["order"] == "o2"
        assert post(pod, "o3") == 202
        ends(pod, "o3")
        log = (pod.workspace / ".podkeep" / "jobs" / "p" / "log").read_bytes().splitlines()
        assert [line for line in log if line.startswith(b"ran")] == [b"ran o1", b"ran o2", b"ran o3"]
    finally:
        pod.close()
