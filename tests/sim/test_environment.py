"""A pod's environment is made from scratch."""

from __future__ import annotations

from dataclasses import replace

from pod_sim.environment import of_host, of_pod
from pod_sim.record import Asked, Mount, PodRecord, PodStatus

SHELL = {
    "PATH": "/opt/venv/bin:/usr/bin:/bin",
    "HOME": "/home/me",
    "PYTHONPATH": "/x",
    "PYTHONUNBUFFERED": "1",
    "VIRTUAL_ENV": "/opt/venv",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
    "PIP_INDEX_URL": "https://index",
    "SSL_CERT_FILE": "/ca.pem",
}


def record(**env: str) -> PodRecord:
    asked = Asked("a", "local", 20, gpu_id="NVIDIA L4", gpu_count=2, ports=("8787/http",), env=env)
    return PodRecord(
        "pod1",
        "own-key",
        asked,
        PodStatus.RUNNING,
        0.0,
        "EU-RO-1",
        "0a1b2c3d",
        agent_port=40001,
        tcp_ports={"22": 31000},
    )


def variables(**env: str) -> dict[str, str]:
    return of_pod(record(**env), of_host(SHELL, "/opt/venv"), "http://127.0.0.1:9", "/usr/bin/python3")


def test_the_shell_does_not_leak():
    """Of the simulator's shell only package and certificate settings, PATH, HOME and LANG arrive."""
    assert set(of_host(SHELL, None)) == {"PATH", "HOME", "LANG", "PIP_INDEX_URL", "SSL_CERT_FILE"}


def test_our_own_virtual_environment_is_not_on_the_path():
    """A pod does not find the simulator's Python first."""
    assert of_host(SHELL, "/opt/venv")["PATH"] == "/usr/bin:/bin"


def test_a_proxy_never_stands_between_a_pod_and_the_simulator():
    """With a proxy in the environment, 127.0.0.1 is excepted."""
    kept = of_host({**SHELL, "https_proxy": "http://proxy", "no_proxy": "corp"}, None)
    assert kept["no_proxy"] == "corp,127.0.0.1,localhost"


def test_sshd_of_a_pod_listens_where_runpod_says():
    """Port 22 of a network that pods share is this machine's own; a pod with a network of its own has that."""
    assert variables()["PODKEEP_SSH_PORT"] == "127.0.0.1:31000"
    alone = replace(record(), agent_port=None)
    assert "PODKEEP_SSH_PORT" not in of_pod(alone, {}, "u", "py")


def test_runpods_variables_are_there():
    """Ids, counts, the pod's own key and its outside ports are set."""
    seen = variables()
    assert seen["RUNPOD_POD_ID"] == "pod1"
    assert seen["RUNPOD_API_KEY"] == "own-key"
    assert seen["RUNPOD_GPU_COUNT"] == "2"
    assert seen["RUNPOD_TCP_PORT_22"] == "31000"
    assert seen["POD_RUNPOD_URL"] == "http://127.0.0.1:9/v2"
    assert "RUNPOD_VOLUME_ID" not in seen


def test_the_users_runpod_key_is_shadowed():
    """A variable of the user's named RUNPOD_API_KEY loses against the pod's own."""
    assert variables(RUNPOD_API_KEY="theirs")["RUNPOD_API_KEY"] == "own-key"


def test_the_users_variables_win_over_the_hosts():
    """What the create body says of PATH or POD_RUNPOD_URL holds."""
    seen = variables(PATH="/only", POD_RUNPOD_URL="http://elsewhere", PYTHONHASHSEED="0")
    assert (seen["PATH"], seen["POD_RUNPOD_URL"], seen["PYTHONHASHSEED"]) == (
        "/only",
        "http://elsewhere",
        "0",
    )


def test_the_agent_listens_on_a_port_of_its_own():
    """POD_PORT is the host's port, whatever port the user meant inside."""
    assert variables()["POD_PORT"] == "40001"
    assert variables(POD_PORT="9000")["POD_PORT"] == "40001"
    assert record(POD_PORT="9000").inside_port() == 9000


def test_a_network_volume_is_named():
    """RUNPOD_VOLUME_ID is the mounted network volume."""
    asked = Asked("a", "local", 20, mount=Mount("/workspace", volume="vol7"))
    pod = PodRecord("p", "k", asked, PodStatus.RUNNING, 0.0, "EU-RO-1", "0a1b2c3d")
    assert of_pod(pod, {}, "u", "py")["RUNPOD_VOLUME_ID"] == "vol7"
