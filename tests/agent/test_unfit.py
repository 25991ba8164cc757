"""A pod that is found unfit while its job is made ready: which end that has, and when no exit policy keeps the pod."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from pod_agent.pod.preflight import gpus, verdict
from pod_agent.pod.preflight.gpus import Gpu, Gpus
from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run import machine
from pod_agent.run.machine import STEPS
from pod_agent.run.situation import State
from pod_agent.run.state import Job
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import Outcome, Phase
from tests.agent.agent_process import AgentProcess

GIB = 1 << 30
SPEC = JobSpec("digits", "python train.py")
REASON = "this pod has 0 of its 1 GPUs"
FULL = Gpus((Gpu(0, "NVIDIA Fake", 80 * GIB, 70 * GIB),))


def unfit(phase, policy, *, ends_pod, on_pod=True):
    """A step is under way when the verdict comes; all that follows, to the last state and its commands."""
    spec = replace(SPEC, on_finish=policy, on_failure=policy)
    job = Job(spec, "order-1", run="r1", run_began_at=1.0, boot="b1")
    state, commands = State(phase=phase, job=job, stepping=True, serial=1, on_pod=on_pod), ()
    for event in (e.Unfit("order-1", REASON, ends_pod=ends_pod), e.StepCancelled(phase), e.Drained()):
        state, commands = machine.step(state, event, 10.0)
    assert state.phase is Phase.FINISHED
    settle = next(one.event for one in commands if isinstance(one, c.After))
    return machine.step(state, settle, 11.0)


@pytest.mark.parametrize(("phase", "policy"), list(itertools.product(STEPS, ExitPolicy)))
def test_a_pod_without_its_gpus_stops_whatever_the_policy(phase, policy):
    """Never kept, and never terminated either: stopped, after the drain, and the reason is the status's."""
    state, commands = unfit(phase, policy, ends_pod=True)
    assert commands == (c.StopPod(terminate=False, because=REASON),)
    assert (state.phase, state.stop_because) == (Phase.STOPPING, REASON)
    assert (state.job.ending.outcome, state.job.ending.reason) == (Outcome.FAILED, REASON)


@pytest.mark.parametrize(("ends_pod", "on_pod"), [(False, True), (False, False), (True, False)])
def test_any_other_unfitness_is_a_failure_under_its_policy(ends_pod, on_pod):
    """What a person on a kept pod could mend, and a machine of one's own that nobody bills: keep keeps them."""
    state, commands = unfit(Phase.INSTALLING, ExitPolicy.KEEP, ends_pod=ends_pod, on_pod=on_pod)
    assert commands == (c.Note("policy=keep"),)
    assert (state.phase, state.job.ending.outcome) == (Phase.FINISHED, Outcome.FAILED)


@pytest.mark.parametrize(
    ("finding", "ends_pod"),
    [
        (gpus.judge_count(Gpus(), 1), True),
        (gpus.judge_count(Gpus(fault=gpus.SILENT), 2), True),
        (gpus.judge_unpromised(has_gpu_type=True, is_cuda_image=True), True),
        (gpus.judge_memory(FULL), False),
        (gpus.judge_cuda(replace(FULL, cuda_error=804)), False),
        (verdict.failure("no room"), False),
    ],
)
def test_only_missing_gpus_end_the_pod(finding, ends_pod):
    """Told alone or among other failures, the class stays with the verdict."""
    assert verdict.failed((finding,)).ends_pod is ends_pod
    assert verdict.failed((verdict.failure("no volume"), finding, verdict.FINE)).ends_pod is ends_pod


@pytest.mark.slow
def test_an_agent_stops_a_pod_that_a_sleep_would_keep(tmp_path):
    """`train; sleep infinity` keeps a pod, and idleness is off: without its GPU it stops all the same, and says why."""
    env = {"RUNPOD_POD_ID": "pod-a", "POD_RUNPOD_URL": "http://127.0.0.1:9/v2", "RUNPOD_GPU_COUNT": "1"}
    env |= {"PODKEEP_PRETENDED_GPUS": "0", "POD_ON_FINISH": "", "POD_ON_FAILURE": "", "POD_IDLE_MINUTES": "0"}
    agent = AgentProcess(tmp_path, **env)
    try:
        agent.start("bash", "-c", "touch ran; sleep infinity")
        status = agent.until("the stop", lambda now: now["phase"] == "stopping")
        assert status["stops_because"] == status["job"]["reason"] == REASON
        assert status["job"]["outcome"] == "failed"
        assert agent.state()["spec"]["on_failure"] == "keep"
        assert not list(agent.workspace.rglob("ran"))
    finally:
        agent.close()
