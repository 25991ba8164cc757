"""Pods as values."""

import pytest

from pod_wire.errors import Broken
from pod_wire.runpod.models import Mount, NewPod, Pod, RuntimePort, read_pod

WHOLE = {
    "id": "7k2m9p4xq1",
    "name": "digits",
    "status": "RUNNING",
    "actions": ["stop", "restart", "terminate"],
    "image": "local",
    "args": "",
    "disk": 20,
    "mounts": {"persistent": {"size": 20, "path": "/workspace"}},
    "ports": ["8787/http"],
    "env": {"HF_TOKEN": "hidden-value", "POD_JOB": "x"},
    "registry": None,
    "gpu": {"id": "NVIDIA GeForce RTX 4090", "count": 2, "vcpuCount": 16},
    "cloud": "SECURE",
    "dataCenterId": "EU-RO-1",
    "cudaVersion": "12.8",
    "ssh": {"proxy": None, "direct": None},
    "template": None,
    "cost": 1.38,
    "locked": True,
    "runtime": {
        "uptime": 64,
        "ports": [{"private": 22, "public": 10341, "type": "tcp", "ip": "1.2.3.4"}, {"type": "x"}, 3],
    },
    "createdAt": "2026-11-21T20:00:00Z",
    "startedAt": "2026-11-21T20:01:00.500Z",
    "globalNetworking": {"enabled": False},
    "somethingNew": [1],
}


def test_a_whole_pod_is_read():
    """Every field that this project uses is taken from a pod of the specification's shape."""
    pod = read_pod(WHOLE)
    assert (pod.id, pod.name, pod.status, pod.image) == ("7k2m9p4xq1", "digits", "RUNNING", "local")
    assert pod.actions == ("stop", "restart", "terminate")
    assert pod.mounts == (Mount("/workspace", 20),)
    assert (pod.gpu_id, pod.gpu_count, pod.disk_gb, pod.cost) == ("NVIDIA GeForce RTX 4090", 2, 20, 1.38)
    assert (pod.data_center, pod.cloud, pod.ports, pod.locked) == ("EU-RO-1", "SECURE", ("8787/http",), True)
    assert (pod.runtime_up, pod.uptime_s) == (True, 64)
    assert pod.runtime_ports == (RuntimePort(22, 10341, "tcp", "1.2.3.4"),)
    assert pod.started() == pod.created() + 60.5


def test_a_pod_never_shows_its_environment():
    """The environment holds keys in clear, so a printed pod leaves it out."""
    assert read_pod(WHOLE).env["HF_TOKEN"] == "hidden-value"
    assert "hidden-value" not in repr(read_pod(WHOLE))
    assert "hidden-value" not in repr(NewPod("a", "b", env={"HF_TOKEN": "hidden-value"}))


@pytest.mark.parametrize("runtime", [None, {}, [], "x"])
def test_no_runtime_is_not_up(runtime):
    """The specification says null, its example {}: both mean that the container is not up."""
    assert not read_pod({**WHOLE, "runtime": runtime}).runtime_up


@pytest.mark.parametrize("status", ["EXITED", "STARTING", "SOMETHING_NEW"])
def test_a_stale_runtime_is_not_up(status):
    """A stopped pod may still show its last runtime."""
    assert not read_pod({**WHOLE, "status": status}).runtime_up


def test_a_pod_of_odd_types_is_read_as_far_as_it_goes():
    """Only id and status are needed; everything else that is odd is as if it were missing."""
    odd = dict.fromkeys(WHOLE, 3.5) | {"id": "a", "status": "RUNNING"}
    assert read_pod(odd) == Pod("a", "", "RUNNING", cost=3.5)
    assert read_pod(dict.fromkeys(WHOLE) | {"id": "a", "status": "EXITED"}) == Pod("a", "", "EXITED")


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        {},
        {"id": "a"},
        {"status": "RUNNING"},
        {"id": "", "status": "x"},
        {"id": 3, "status": "x"},
    ],
)
def test_what_is_no_pod_is_broken(data):
    """An answer without id and status is nothing to go on."""
    with pytest.raises(Broken):
        read_pod(data)


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-11-21T20:00:00", "9" * 50])
def test_odd_times_are_unknown(text):
    """A time without a zone, or no time at all, is unknown and never guessed at."""
    assert read_pod({**WHOLE, "startedAt": text}).started() is None


def test_a_network_mount_is_read_and_written():
    """The two kinds of mount have two shapes."""
    mount = Mount("/workspace", volume="vol1")
    body = NewPod("a", "b", gpu_id="g", mount=mount).to_body()
    assert body["mounts"] == {"network": [{"volumeId": "vol1", "path": "/workspace"}]}
    assert read_pod({**WHOLE, "mounts": body["mounts"]}).mounts == (mount,)


def test_what_has_failed_when_left_out_is_always_sent():
    """gpu.count, disk and cloud are in every create, and nothing that was not asked for."""
    assert NewPod("a", "b", gpu_id="g").to_body() == {
        "name": "a",
        "image": "b",
        "cloud": "SECURE",
        "disk": 20,
        "gpu": {"id": "g", "count": 1},
    }


def test_everything_asked_for_is_sent():
    """Each field has the key that v2 knows."""
    new = NewPod(
        "a",
        "b",
        cpu_id="cpu5c",
        cloud="COMMUNITY",
        data_centers=("EU-RO-1",),
        mount=Mount("/workspace", 30),
        ports=("8787/http",),
        env={"A": "b"},
        cmd=("run",),
        args="x",
        registry="r",
        template="t",
        start_ssh=True,
    )
    assert new.to_body() == {
        "name": "a",
        "image": "b",
        "cloud": "COMMUNITY",
        "disk": 20,
        "cpu": {"id": "cpu5c", "vcpuCount": 2},
        "dataCenterIds": ["EU-RO-1"],
        "mounts": {"persistent": {"size": 30, "path": "/workspace"}},
        "ports": ["8787/http"],
        "env": {"A": "b"},
        "cmd": ["run"],
        "args": "x",
        "registry": "r",
        "templateId": "t",
        "startSsh": True,
    }
    assert NewPod("a", "b", gpu_id="g", min_cuda="12.4").to_body()["gpu"] == {
        "id": "g",
        "count": 1,
        "minCudaVersion": "12.4",
    }
