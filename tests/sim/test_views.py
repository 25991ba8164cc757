"""The Pod object: what is null when, and what a stopped pod costs."""

from __future__ import annotations

from dataclasses import replace

from pod_sim import views
from pod_sim.backends.container import Container
from pod_sim.record import Asked, PodRecord, PodStatus

ASKED = Asked("a", "local", 20, gpu_id="NVIDIA L4", gpu_count=2, ports=("8787/http", "22/tcp"))
UP = PodRecord(
    "pod1",
    "secret-key",
    ASKED,
    PodStatus.RUNNING,
    1_000.0,
    "EU-RO-1",
    "0a1b2c3d",
    started_at=1_001.0,
    container=Container(5, 6, "pid:[7]", 1),
    container_since=1_002.5,
    tcp_ports={"22": 31_000},
)


def test_a_running_pod_shows_its_uptime_ports_and_price():
    """runtime, ssh.direct and cost are those of a running pod."""
    view = views.pod(UP, 1_012.0)
    assert view["runtime"]["uptime"] == 9
    assert view["runtime"]["ports"][1] == {"private": 22, "public": 31_000, "type": "tcp", "ip": "127.0.0.1"}
    assert view["runtime"]["ports"][0]["ip"].startswith("100.65.")
    assert view["ssh"]["direct"]["port"] == 31_000
    assert view["cost"] == 0.86
    assert view["startedAt"] == "1970-01-01T00:16:41.000Z"


def test_a_stopped_pod_costs_nothing_and_has_no_runtime():
    """EXITED means cost 0.0, runtime null, no direct ssh."""
    view = views.pod(replace(UP, status=PodStatus.EXITED, container=None, container_since=None), 2_000.0)
    assert (view["cost"], view["runtime"], view["ssh"]["direct"]) == (0.0, None, None)
    assert view["actions"] == ["start", "terminate"]


def test_a_provisioning_pod_has_not_started():
    """startedAt and runtime are null before there is a container."""
    fresh = replace(UP, status=PodStatus.PROVISIONING, started_at=None, container=None)
    view = views.pod(fresh, 1_000.0)
    assert (view["startedAt"], view["runtime"]) == (None, None)


def test_the_pods_own_key_is_never_shown():
    """The Pod object holds no key."""
    assert "secret-key" not in str(views.pod(UP, 1_012.0))
