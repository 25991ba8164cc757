"""On a machine of one's own there is no pod to stop: whatever would stop it ends the container, with the job's code."""

from __future__ import annotations

import pytest

from pod_agent.run import events as e
from pod_agent.run import exits
from pod_agent.run.commands import ExitAgent, StopPod
from pod_agent.run.situation import State
from pod_agent.run.state import Ending, Job
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import Attempt, Outcome, Phase
from tests.agent.agent_process import AgentProcess


@pytest.fixture
def agent(tmp_path):
    made = []

    def make(**env):
        made.append(AgentProcess(tmp_path, **env))
        return made[-1]

    yield make
    for one in made:
        one.close()


def finished(outcome, code=None, policy=ExitPolicy.STOP, *, on_pod=False, **more):
    attempts = () if code is None else (Attempt(1, exit_code=code),)
    spec = JobSpec("demo", "x", on_finish=policy, on_failure=policy)
    job = Job(spec, "o", "r", 0.0, "b", 0.0, ending=Ending(outcome, "so"), attempts=attempts, **more)
    return State(Phase.FINISHED, job, on_pod=on_pod)


CODES = [
    (Outcome.SUCCEEDED, 0, 0),
    (Outcome.SUCCEEDED, 3, 0),
    (Outcome.FAILED, 3, 3),
    (Outcome.FAILED, 137, 137),
    (Outcome.FAILED, None, 1),
    (Outcome.FAILED, 0, 1),
    (Outcome.TIMED_OUT, 3, 1),
]


@pytest.mark.parametrize("policy", [ExitPolicy.STOP, ExitPolicy.TERMINATE, ExitPolicy.EXIT])
@pytest.mark.parametrize(("outcome", "code", "leaves_with"), CODES)
def test_the_job_s_code_is_the_container_s(policy, outcome, code, leaves_with):
    """The command's own where it failed by itself, else 1; asked to stop or to exit, it is the same."""
    state = finished(outcome, code, policy)
    after, commands = exits.settle(state, e.Settle(state.serial), 1.0)
    assert commands[-1] == ExitAgent(leaves_with, leave=True)
    assert after.phase is Phase.FINISHED


def test_keep_stays_and_idleness_leaves():
    """Keep waits for the idle minutes here too, and then the container ends."""
    state = finished(Outcome.FAILED, 3, ExitPolicy.KEEP)
    _, commands = exits.settle(state, e.Settle(state.serial), 1.0)
    assert not any(isinstance(command, ExitAgent) for command in commands)
    assert exits.idle(state, e.IdleTooLong("idle"), 2.0)[1][-1] == ExitAgent(3, leave=True)
    assert exits.idle(State(on_pod=False), e.IdleTooLong("idle"), 2.0)[1][-1] == ExitAgent(0, leave=True)


def test_on_a_pod_it_is_the_ladder():
    """The same job on RunPod stops the pod, and nothing leaves."""
    state = finished(Outcome.FAILED, 3, on_pod=True)
    _, commands = exits.settle(state, e.Settle(state.serial), 1.0)
    assert [type(command) for command in commands] == [StopPod]


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["", "stop"])
def test_a_container_ends_with_its_job(agent, policy):
    """`docker run … python fails.py` on one's own box: the entrypoint leaves with the job's exit code, and says why."""
    pod = agent(POD_ON_FINISH="", POD_ON_FAILURE=policy).start(
        "bash", "-c", "echo on; exit 7", entrypoint=True
    )
    assert pod.process.wait(60) == 7
    assert pod.state()["ending"]["outcome"] == "failed"
    assert "this is no RunPod pod, so the container ends instead" in pod.said()


@pytest.mark.slow
def test_a_good_job_ends_it_well_and_is_not_run_again(agent):
    """`docker start` of the ended container leaves at once with the same code: a finished job stays finished."""
    pod = agent(POD_ON_FINISH="", POD_COMMAND="echo once").start(entrypoint=True)
    assert pod.process.wait(60) == 0
    pod.start(entrypoint=True)
    assert pod.process.wait(60) == 0
    assert pod.log().count(b"\nonce\n") == 1


@pytest.mark.slow
def test_a_setting_that_cannot_be_read_leaves_with_one(agent):
    """A job that failed before it had a code is still a failure to whoever started the container."""
    pod = agent(POD_ON_FAILURE="", POD_MAX_HOURS="many", POD_COMMAND="echo hi").start(entrypoint=True)
    assert pod.process.wait(60) == 1
    assert "max_hours" in pod.said().lower()
