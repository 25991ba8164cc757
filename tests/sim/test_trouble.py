"""What RunPod answers on purpose: each fault once, in its place, and the API of an earlier day."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import wait_for
from tests.sim.conftest import GPU, Account, body


@pytest.fixture
def troubled(account: Account) -> Iterator[Account]:
    """The simulator of all tests, without trouble afterwards."""
    yield account
    nothing = {name: [] for name in ("create", "list", "get", "patch", "delete", "start", "stop", "restart")}
    assert account.call("POST", "/sim/faults", {**nothing, "api": "now"})[0] == 200


def next_is(account: Account, **kinds: object) -> None:
    status, said = account.call("POST", "/sim/faults", kinds)
    assert status == 200, said


def listed(account: Account) -> set[str]:
    return {pod["id"] for pod in account.call("GET", "/v2/pods")[1]["pods"]}


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("capacity", 400, "no longer any instances available"),
        ("unfunded", 402, "credit"),
        ("forbidden", 403, "access denied"),
        ("limited", 429, "rate limit"),
        ("broken", 500, "could not be processed"),
    ],
)
def test_a_create_is_refused_once_and_nothing_is_made(troubled, kind, status, words):
    """The answer is a problem of that status; no pod exists; the next create works."""
    before = listed(troubled)  # by id: pods of earlier tests may still be starting, or going
    next_is(troubled, create=[kind])
    answered, problem = troubled.call("POST", "/v2/pods", body())
    assert answered == problem["status"] == status
    assert words in problem["detail"]
    assert listed(troubled) <= before
    troubled.act(troubled.create(), "terminate")


def test_a_create_that_breaks_afterwards_has_made_the_pod(troubled):
    """500, and the pod is listed under its name: what a client has to look up."""
    next_is(troubled, create=["broken_after"])
    assert troubled.call("POST", "/v2/pods", body(name="made anyway"))[0] == 500
    made = [pod for pod in troubled.call("GET", "/v2/pods")[1]["pods"] if pod["name"] == "made anyway"]
    assert len(made) == 1
    troubled.act(made[0]["id"], "terminate")


def test_a_start_without_a_gpu_and_the_next_with_one(troubled):
    """`gpu.count` is 0 and the pod is told so; after another stop and start the GPU is back."""
    pod = troubled.running("bash", "-c", "echo gpus=$RUNPOD_GPU_COUNT; sleep 600")
    troubled.act(pod, "stop")
    troubled.until_down(pod)
    next_is(troubled, start=["no_free_gpus", "no_gpu"])
    assert troubled.act(pod, "start") == 400
    assert troubled.get(pod)["status"] == "EXITED"
    assert troubled.act(pod, "start") == 200
    troubled.says(pod, "gpus=0")
    assert troubled.get(pod)["gpu"] == {"id": GPU, "count": 0}
    troubled.act(pod, "stop")
    troubled.until_down(pod)
    assert troubled.act(pod, "start") == 200
    assert troubled.get(pod)["gpu"] == {"id": GPU, "count": 1}
    troubled.act(pod, "terminate")


def test_pods_that_do_not_come_up(troubled):
    """One stays in STARTING, without a runtime and billed; the other ends in ERROR, and is not."""
    next_is(troubled, create=["stuck", "error"])
    stuck, wrong = troubled.create(), troubled.create()
    wait_for("an error", lambda: troubled.get(wrong)["status"] == "ERROR", every_s=0.01)
    seen = troubled.get(stuck)
    assert (seen["status"], seen["runtime"], seen["cost"] > 0) == ("STARTING", None, True)
    assert (troubled.get(wrong)["cost"], troubled.get(wrong)["actions"]) == (0.0, ["start", "terminate"])
    for pod in (stuck, wrong):
        assert troubled.act(pod, "terminate") == 204


def test_faults_are_for_the_account_only(troubled):
    """A pod that asks for itself takes no fault away."""
    pod = troubled.create("sleep", "600")
    next_is(troubled, get=["missing", "broken"])
    assert troubled.call("GET", f"/v2/pods/{pod}", None, troubled.key_of(pod))[0] == 200
    assert [troubled.call("GET", f"/v2/pods/{pod}")[0] for _ in range(3)] == [404, 500, 200]
    assert troubled.call("POST", "/sim/faults", {}, troubled.key_of(pod))[0] == 403
    troubled.act(pod, "terminate")


def test_the_api_of_august(troubled):
    """Without pages, `cmd` and `entrypoint`: they are unknown keys then."""
    next_is(troubled, api="2026-08")
    status, problem = troubled.call("POST", "/v2/pods", body("sleep", "600"))
    assert status == 422
    assert "cmd" in problem["errors"][0]
    pod = troubled.create(args="sleep 600")
    assert "cmd" not in troubled.get(pod)
    assert "pagination" not in troubled.call("GET", "/v2/pods")[1]
    troubled.act(pod, "terminate")


@pytest.mark.parametrize(
    "wish",
    [{"create": ["no_gpu"]}, {"start": ["stuck"]}, {"create": ["nonsense"]}, {"x": []}, {"api": "old"}],
)
def test_an_unknown_fault_is_refused(troubled, wish):
    """A fault that would never come must not look as if it were set."""
    assert troubled.call("POST", "/sim/faults", wish)[0] == 422
