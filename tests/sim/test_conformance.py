"""The simulator's answers held against what RunPod's v2 is known to answer; the table of facts is facts.py."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.sim.conftest import GPU, Account, body
from tests.sim.facts import ACTIONS, ALWAYS, SOMETIMES, STATUSES

PLAIN = {"text": str, "whole": int, "number": (int, float), "flag": bool}
# which actions RunPod offers in which status
OFFERED = {
    "PROVISIONING": {"stop", "terminate"},
    "STARTING": {"stop", "terminate"},
    "RUNNING": {"stop", "restart", "terminate"},
    "EXITED": {"start", "terminate"},
    "ERROR": {"start", "terminate"},
}


def wrong(kind, value, where="$"):
    """Every place where a value is not of its kind."""
    match kind:
        case tuple():
            return [] if value in kind else [f"{where}: {value!r} is none of {kind}"]
        case [inner]:
            if not isinstance(value, list):
                return [f"{where}: no list"]
            return [bad for i, item in enumerate(value) for bad in wrong(inner, item, f"{where}[{i}]")]
        case {"*": inner}:
            if not isinstance(value, dict):
                return [f"{where}: no map"]
            return [bad for key, item in value.items() for bad in wrong(inner, item, f"{where}.{key}")]
        case str() if kind.endswith("?"):
            return [] if value is None else wrong(kind[:-1], value, where)
        case "time":
            return wrong("text", value, where) or (
                [] if datetime.fromisoformat(value).tzinfo else [f"{where}: no zone"]
            )
        case str() if kind in PLAIN:
            good = isinstance(value, PLAIN[kind]) and (kind == "flag" or not isinstance(value, bool))
            return [] if good else [f"{where}: {value!r} is not {kind}"]
        case _:
            return wrong_object(kind, value, where)


def wrong_object(name, value, where):
    if not isinstance(value, dict):
        return [f"{where}: no object"]
    always, sometimes = ALWAYS[name], SOMETIMES.get(name, {})
    found = [f"{where}: {key} is missing" for key in always if key not in value]
    found += [f"{where}: nobody knows {key}" for key in value if key not in always | sometimes]
    kinds = [(key, kind) for key, kind in (always | sometimes).items() if key in value]
    return found + [bad for key, kind in kinds for bad in wrong(kind, value[key], f"{where}.{key}")]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mounts": {"persistent": {"size": 10, "path": "/workspace"}}},
        {"mounts": {"network": [{"volumeId": "vol1", "path": "/workspace"}]}},
        {"cloud": "COMMUNITY", "globalNetworking": True, "ports": ["8787/http", "22/tcp"]},
        {"gpu": {"id": GPU, "count": 2}, "env": {"A": "b"}, "dataCenterIds": ["EU-RO-1"]},
    ],
)
def test_a_pod_is_described_as_runpod_does_in_every_status(account: Account, changes):
    """Created, running, restarted, stopped, started again: every key is there and of its kind, and no other."""
    status, made = account.call("POST", "/v2/pods", body("sleep", "600", **changes))
    assert status == 201
    seen = [made, account.until_up(made["id"])]
    for action in ("restart", "stop", "start"):
        status, after = account.call("POST", f"/v2/pods/{made['id']}/action", {"action": action})
        assert status == 200
        seen += [after, account.until_down(made["id"]) if action == "stop" else account.until_up(made["id"])]
    assert [bad for pod in seen for bad in wrong("Pod", pod)] == []
    assert [(pod["status"], set(pod["actions"])) for pod in seen] == [
        (pod["status"], OFFERED[pod["status"]]) for pod in seen
    ]
    assert {pod["status"] for pod in seen} >= {"RUNNING", "EXITED"}
    assert all((pod["cost"] == 0) == (pod["status"] == "EXITED") for pod in seen)
    assert account.call("POST", f"/v2/pods/{made['id']}/action", {"action": "terminate"}) == (204, "")


def test_a_cpu_pod_is_described_with_its_cpu(account: Account):
    """It has no gpu and no CUDA version."""
    asked = {"name": "c", "image": "local", "disk": 5, "cpu": {"id": "cpu5c", "vcpuCount": 2}}
    status, pod = account.call("POST", "/v2/pods", asked)
    assert (status, wrong("Pod", pod)) == (201, [])
    assert "gpu" not in pod
    assert pod["cudaVersion"] is None
    account.act(pod["id"], "terminate")


def test_lists_and_the_catalogue(account: Account):
    """Pages, GPU types, and their availability where it is asked for."""
    pod = account.create("sleep", "600")
    assert wrong("Page", account.call("GET", "/v2/pods?limit=1")[1]) == []
    for query in ("", "?include=AVAILABILITY&product=POD"):
        assert wrong(["GpuType"], account.call("GET", f"/v2/catalog/gpus{query}")[1]["gpus"]) == []
    account.act(pod, "terminate")


def test_problems(account: Account):
    """400, 401, 404, 405, 409 and 422 are of one shape, and say their own status."""
    pod = account.create("sleep", "600")
    answers = [
        (404, account.call("GET", "/v2/pods/none")),
        (404, account.call("GET", "/v2/nothing")),
        (405, account.call("PUT", "/v2/pods")),
        (401, account.call("GET", "/v2/pods", None, "wrong")),
        (409, account.call("POST", f"/v2/pods/{pod}/action", {"action": "start"})),
        (422, account.call("POST", f"/v2/pods/{pod}/action", {"action": "sleep"})),
        (422, account.call("POST", "/v2/pods", body(bogus=1))),
        (400, account.call("POST", "/v2/pods", body(gpu={"id": "NVIDIA B200", "count": 1}))),
    ]
    for wanted, (status, problem) in answers:
        assert (status, wrong("Problem", problem)) == (wanted, [])
        assert problem["status"] == wanted
        assert ("errors" in problem) == (wanted == 422)
    account.act(pod, "terminate")


def test_the_table_can_fail():
    """A missing key, a wrong kind, an unknown status and a stranger are all found."""
    good = {"nextCursor": None, "hasNextPage": False}
    assert wrong("Pagination", good) == []
    assert len(wrong("Pagination", {"hasNextPage": 0, "more": 1})) == 3
    assert wrong(STATUSES, "PAUSED") != []
    assert wrong([ACTIONS], ["start", "jump"]) != []
    assert wrong("time", "2026-01-31T12:00:00") != []
    assert wrong(["whole"], [True]) != []
