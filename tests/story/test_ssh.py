"""A pod of the simulator is entered over ssh by RunPod's own words, and is the same one after a stop and a start."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from pod_client.login import command
from pod_wire.runpod.models import read_pod
from tests.fakes.ssh_host import new_key
from tests.live import PATIENCE_S, wait_for
from tests.story.templates import GPU, TOKEN, TemplatePod

LACKING = [name for name in ("ssh", "sshd") if shutil.which(name, path=f"{os.defpath}:/usr/sbin") is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKING), reason=f"needs openssh-client and openssh-server: {LACKING}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="sshd gives up its rights, which needs those of root"),
]


@pytest.fixture
def place(runpod, tmp_path):
    """A pod that its key opens, and a client's options that ask nobody."""
    new_key(tmp_path / "key")
    body = {
        "name": "entered",
        "image": "local",
        "gpu": {"id": GPU, "count": 1},
        "disk": 20,
        "mounts": {"persistent": {"path": "/workspace", "size": 10}},
        "ports": ["8787/http", "22/tcp"],
        "env": {
            "POD_TOKEN": TOKEN,
            "POD_JOB": "entered",
            "POD_COMMAND": "sleep 600",
            "PUBLIC_KEY": (tmp_path / "key.pub").read_text(),
        },
    }
    status, pod = runpod.call("POST", "/v2/pods", body)
    assert status == 201, pod
    yield TemplatePod(runpod, pod["id"]), tmp_path
    runpod.call("DELETE", f"/v2/pods/{pod['id']}")


def enter(pod, folder, *words):
    """As `pod-client ssh` does it, once sshd is up."""

    def is_up():
        services = (pod.ask("/status") or {}).get("services", [])
        return any(one["state"] == "running" for one in services)

    wait_for(f"sshd is up; {pod.ask('/status')}", is_up)
    ssh, *rest = command(read_pod(pod.simulator.pod(pod.id)), words)
    options = f"IdentityFile={folder}/key IdentitiesOnly=yes BatchMode=yes UserKnownHostsFile={folder}/known"
    argv = [ssh, "-F", "none", *(word for option in options.split() for word in ("-o", option)), *rest]

    def done():
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return (
            ran if "Connection refused" not in ran.stderr else None
        )  # sshd lives, and opens its port in a moment

    return wait_for("it is let in", done)


def test_a_pod_is_entered_and_known_again(place):
    """A client that knows the workspace's key is content, also after a stop and a start."""
    pod, folder = place
    stranger = enter(pod, folder, "env")
    assert "Host key verification failed" in stranger.stderr
    (folder / "known").write_text(known_line(pod))
    told = enter(pod, folder, "env")
    assert told.returncode == 0, told.stderr
    assert {f"RUNPOD_POD_ID={pod.id}", "POD_JOB=entered"} <= set(told.stdout.splitlines())
    assert TOKEN not in told.stdout
    assert pod.simulator.call("POST", f"/v2/pods/{pod.id}/action", {"action": "stop"})[0] < 300
    wait_for("it is off", lambda: pod.simulator.pod(pod.id)["runtime"] is None)
    assert pod.simulator.call("POST", f"/v2/pods/{pod.id}/action", {"action": "start"})[0] < 300
    wait_for("it runs", lambda: pod.simulator.pod(pod.id)["status"] == "RUNNING")
    again = enter(pod, folder, "echo", "again")
    assert (again.stdout, again.stderr) == ("again\n", "")


def known_line(pod):
    """The pod's public host key from its workspace, under the name that `pod-client ssh` gives it."""
    key = pod.mount / ".podkeep" / "ssh" / "ssh_host_ed25519_key"
    public = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(key)], capture_output=True, text=True, check=True
    ).stdout
    return f"podkeep-{pod.id} {public}"
