"""GraphQL over real HTTP: the ways to stop a pod that are left when v2 does not answer."""

from __future__ import annotations

from typing import Any

from tests.sim.conftest import Account

STOP = "mutation Stop($input: PodStopInput!) { podStop(input: $input) { id desiredStatus } }"
END = 'mutation { podTerminate(input: {podId: "%s"}) }'
COST = "query Cost($input: PodFilter!) { pod(input: $input) { id costPerHr } }"


def ask(account: Account, query: str, pod: str = "", key: str | None = None) -> tuple[int, Any]:
    return account.call("POST", "/graphql", {"query": query, "variables": {"input": {"podId": pod}}}, key)


def test_podstop_stops(account):
    """With the pod's own key, podStop answers EXITED and the pod goes down."""
    pod = account.running()
    status, said = ask(account, STOP, pod, account.key_of(pod))
    assert (status, said["data"]) == (200, {"podStop": {"id": pod, "desiredStatus": "EXITED"}})
    assert account.until_down(pod)["status"] == "EXITED"
    account.act(pod, "terminate")


def test_podterminate_is_null_without_errors(account):
    """The success of podTerminate is a null without errors."""
    pod = account.create()
    assert ask(account, END % pod) == (200, {"data": {"podTerminate": None}})
    assert account.get(pod) is None


def test_the_price_is_asked_for(account):
    """pod answers costPerHr, and null where there is no such pod."""
    pod = account.create()
    assert ask(account, COST, pod)[1] == {"data": {"pod": {"id": pod, "costPerHr": 0.43}}}
    assert ask(account, COST, "none")[1] == {"data": {"pod": None}}
    account.act(pod, "terminate")


def test_a_failure_is_200_with_errors(account):
    """Another pod's id, an unknown field, and a refusal on purpose are HTTP 200 with errors[]."""
    pod, other = account.create(), account.create()
    key = account.key_of(pod)
    account.sim(pod, "faults", graphql="refuse")
    for query, target in (
        (STOP, other),
        ("{ myself { id } }", ""),
        (STOP, pod),
        (COST.replace("costPerHr", "x"), pod),
    ):
        status, said = ask(account, query, target, key)
        assert status == 200
        assert said["errors"][0]["message"]
        assert said["data"] is None
    for made in (pod, other):
        account.act(made, "terminate")


def test_only_gpu_types_need_no_key(account):
    """gpuTypes answers anybody; the rest is 401 without a key."""
    status, said = ask(account, "{ gpuTypes { id securePrice } }", key="none")
    assert (status, set(said["data"]["gpuTypes"][0])) == (200, {"id", "securePrice"})
    assert ask(account, STOP, "x", key="none")[0] == 401


def test_one_gpu_type_by_its_id(account):
    """`input: {id}` asks for one, as RunPod's own tool writes it; a name that nobody has gives an empty list."""
    for name, prices in (("NVIDIA L4", [0.43]), ("NVIDIA L5", [])):
        query = f'{{ gpuTypes(input: {{id: "{name}"}}) {{ id securePrice communityPrice displayName }} }}'
        _, said = ask(account, query, key="none")
        assert [gpu["securePrice"] for gpu in said["data"]["gpuTypes"]] == prices


# what RunPod's own Python tool asks of a pod
OF_A_POD = [
    "id",
    "containerDiskInGb",
    "costPerHr",
    "desiredStatus",
    "dockerArgs",
    "dockerId",
    "env",
    "gpuCount",
    "imageName",
    "lastStatusChange",
    "machineId",
    "memoryInGb",
    "name",
    "podType",
    "port",
    "ports",
    "uptimeSeconds",
    "vcpuCount",
    "volumeInGb",
    "volumeMountPath",
]


def test_what_runpods_own_tool_asks_of_a_pod_is_answered(account):
    """All its fields, with nested ones, of one pod and of all; and a stopped pod is resumed."""
    pod = account.running("sleep", "600", ports=["8787/http", "22/tcp"])
    fields = " ".join([*OF_A_POD, "runtime { ports { ip isIpPublic privatePort publicPort type } }"])
    status, one = ask(account, f'query pod {{ pod(input: {{podId: "{pod}"}}) {{ {fields} }} }}')
    assert status == 200
    assert set(one["data"]["pod"]) == {*OF_A_POD, "runtime"}
    assert [(port["privatePort"], port["isIpPublic"]) for port in one["data"]["pod"]["runtime"]["ports"]] == [
        (8787, False),
        (22, True),
    ]
    mine = ask(account, f"query myPods {{ myself {{ pods {{ {fields} }} }} }}")[1]["data"]["myself"]["pods"]
    assert pod in {each["id"] for each in mine}
    assert "errors" in ask(account, "query { myself { id } }", key=account.key_of(pod))[1]
    account.act(pod, "stop")
    resumed = ask(
        account, f'mutation {{ podResume(input: {{podId: "{pod}", gpuCount: 1}}) {{ id desiredStatus }} }}'
    )[1]
    assert resumed["data"]["podResume"] == {"id": pod, "desiredStatus": "RUNNING"}
    account.act(pod, "terminate")
