"""Create, PATCH and action bodies: what RunPod takes, and how it refuses the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pod_sim import bodies
from pod_sim.problems import NO_DISK, NO_INSTANCES, Problem
from pod_sim.record import Asked, Mount

GOOD: dict[str, Any] = {
    "name": "a",
    "image": "local",
    "gpu": {"id": "NVIDIA L4", "count": 1},
    "disk": 20,
    "ports": ["8787/http"],
    "env": {"A": "b"},
    "mounts": {"persistent": {"size": 10, "path": "/workspace"}},
}
CPU = {"name": "a", "image": "local", "disk": 5, "cpu": {"id": "cpu5c", "vcpuCount": 4}}


def create(**changes: Any) -> Asked:
    return bodies.read_create(json.dumps({**GOOD, **changes}).encode())


def without(key: str) -> bytes:
    return json.dumps({name: value for name, value in GOOD.items() if name != key}).encode()


def refusal(**changes: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        create(**changes)
    return caught.value


def patch(now: Asked, **changes: Any) -> Asked:
    return bodies.read_patch(json.dumps(changes).encode(), now)


def patch_refusal(now: Asked, **changes: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        patch(now, **changes)
    return caught.value


def test_a_good_body_is_read_wholly():
    """Every field of a good body arrives."""
    asked = create(cmd=["a", "b c"], cloud="COMMUNITY", dataCenterIds=["EU-RO-1"])
    assert (asked.gpu_id, asked.gpu_count, asked.disk) == ("NVIDIA L4", 1, 20)
    assert asked.mount == Mount("/workspace", size=10)
    assert asked.cmd == ("a", "b c")
    assert asked.data_centers == ("EU-RO-1",)
    assert asked.price() == pytest.approx(0.39)


def test_a_cpu_pod_has_no_gpu():
    """A CPU body gives vCPUs and a price by vCPU."""
    asked = bodies.read_create(json.dumps(CPU).encode())
    assert (asked.cpu_id, asked.vcpus, asked.gpu_id) == ("cpu5c", 4, None)
    assert asked.price() == pytest.approx(0.12)


@pytest.mark.parametrize(
    "changes",
    [
        {"bogus": 1},
        {"disk": 0},
        {"name": ""},
        {"cloud": "ALL"},
        {"env": {"A": 1}},
        {"ports": ["8787"]},
        {"gpu": {"count": 1}},
        {"gpu": {"id": "NVIDIA L4", "count": 1, "vram": 1}},
        {"gpu": {"id": "NVIDIA L4", "count": 1, "minCudaVersion": "12"}},
        {"mounts": {"persistent": {"size": 9, "path": "/workspace"}}},
        {"mounts": {"persistent": {"size": 10}}},
        {"mounts": {"network": [{"volumeId": "v", "path": "/a"}, {"volumeId": "w", "path": "/b"}]}},
        {"startSsh": "yes"},
    ],
)
def test_a_body_out_of_contract_is_422_with_errors(changes):
    """What breaks the schema is 422, and errors[] says what."""
    problem = refusal(**changes)
    assert (problem.status, len(problem.errors)) == (422, 1)


def test_all_violations_come_at_once():
    """Three mistakes are three errors."""
    assert len(refusal(bogus=1, disk=0, env=[]).errors) == 3


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"gpu": {"id": "NVIDIA L4"}}, NO_INSTANCES),
        ({"gpu": {"id": "NVIDIA L4", "count": 9}}, NO_INSTANCES),
        ({"gpu": {"id": "NVIDIA B200", "count": 1}}, NO_INSTANCES),
        ({"gpu": {"id": "no such", "count": 1}}, NO_INSTANCES),
        ({"dataCenterIds": ["MOON-1"]}, NO_INSTANCES),
        ({"cpu": {"id": "cpu5c", "vcpuCount": 4}}, "exactly one of gpu or cpu must be set"),
        ({"mounts": {"persistent": {"size": 10, "path": "workspace"}}}, "mount path must be absolute"),
        ({"env": {f"N{n}": "" for n in range(51)}}, "a pod may have at most 50 environment variables"),
        ({"ports": [f"{n}/http" for n in range(8000, 8011)]}, "a pod may expose at most 10 http ports"),
    ],
)
def test_a_broken_rule_is_400(changes, detail):
    """What breaks a rule across fields, or finds no machine, is 400 with RunPod's text."""
    problem = refusal(**changes)
    assert (problem.status, problem.detail) == (400, detail)


def test_a_body_without_a_disk_is_refused_as_seen_live():
    """The spec calls `disk` optional; RunPod refuses its absence with a text about templates."""
    with pytest.raises(Problem) as caught:
        bodies.read_create(without("disk"))
    assert (caught.value.status, caught.value.detail) == (400, NO_DISK)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_400(raw):
    """Bytes that are no JSON, however nested, are 400."""
    with pytest.raises(Problem) as caught:
        bodies.read_create(raw)
    assert caught.value.status == 400


def test_a_persistent_mount_is_not_for_cpu_pods():
    """CPU pods have network mounts only."""
    with pytest.raises(Problem) as caught:
        bodies.read_create(json.dumps({**CPU, "mounts": GOOD["mounts"]}).encode())
    assert caught.value.status == 400


def test_patch_replaces_the_environment_whole():
    """A PATCHed env holds nothing of the old one."""
    assert patch(create(), env={"C": "d"}).env == {"C": "d"}


def test_patch_leaves_out_what_it_does_not_name():
    """A PATCH of the name changes the name only."""
    before = create()
    assert patch(before, name="b") == replace(before, name="b")


def test_patch_takes_no_start_command():
    """`cmd` cannot be changed later."""
    assert patch_refusal(create(), cmd=["x"]).status == 422


@pytest.mark.parametrize("mounts", [{"network": []}, {"network": [{"volumeId": "v", "path": "/workspace"}]}])
def test_patch_keeps_the_kind_of_mount(mounts):
    """Clearing the mount or changing its kind is 400."""
    assert patch_refusal(create(), mounts=mounts).status == 400


def test_only_a_change_of_the_container_resets_it():
    """The name and the lock do not restart a pod, its environment does."""
    before = create()
    assert not bodies.resets(before, patch(before, name="b", locked=True))
    assert bodies.resets(before, patch(before, env={}))


@pytest.mark.parametrize("action", [{"action": "reset"}, {}, {"action": "stop", "force": True}])
def test_an_action_is_one_of_four(action):
    """Other actions and further keys are 422."""
    with pytest.raises(Problem) as caught:
        bodies.read_action(json.dumps(action).encode())
    assert caught.value.status == 422
