"""`pod-client ssh`: the direct port, else the gateway; run, or said; no word of RunPod's becomes an option of ssh."""

from __future__ import annotations

import pytest

from pod_client.login import command
from pod_client.rows import _service
from pod_wire.errors import Conflict
from pod_wire.runpod.models import Pod, SshPlace, read_pod
from pod_wire.status import ServiceStatus
from tests.client.conftest import UP

DIRECT = {
    "host": "203.0.113.7",
    "port": 10341,
    "username": "root",
    "command": "ssh root@203.0.113.7 -p 10341",
}
PROXY = {
    "host": "ssh.runpod.io",
    "port": 22,
    "username": "pod1-6441",
    "command": "ssh pod1-6441@ssh.runpod.io",
}


def made(direct=DIRECT, proxy=PROXY, status="RUNNING"):
    return read_pod({"id": "pod1", "status": status, "ssh": {"direct": direct, "proxy": proxy}})


def test_the_direct_port_comes_first():
    """With one name for the host key, as address and port are new after each start."""
    assert command(made(), ("ls", "-l")) == (
        *("ssh", "-o", "HostKeyAlias=podkeep-pod1", "-p", "10341", "root@203.0.113.7"),
        *("ls", "-l"),
    )


def test_the_gateway_is_for_terminals():
    """A command does not go through it, and the message says what does."""
    assert command(made(direct=None), ()) == ("ssh", "-p", "22", "pod1-6441@ssh.runpod.io")
    with pytest.raises(Conflict, match="gateway") as caught:
        command(made(direct=None), ("ls",))
    assert "22/tcp" in caught.value.hint


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (made(status="EXITED"), "it is exited"),
        (made(direct=None, proxy=None), "names no way in"),
        (Pod("pod1", "", "RUNNING"), "names no way in"),
        (made(direct={**DIRECT, "host": "-oProxyCommand=evil"}, proxy=None), "names no way in"),
        (made(direct={**DIRECT, "username": "-x"}, proxy=None), "names no way in"),
        (made(direct={**DIRECT, "port": 70000}, proxy={"host": 7}), "names no way in"),
    ],
)
def test_no_way_in_is_said(found, words):
    """A pod that is off, none named, or one that would be an option of ssh."""
    with pytest.raises(Conflict, match=words):
        command(found, ())


def test_ssh_of_a_strange_shape_is_none():
    """Unknown shapes in RunPod's answer are passed over."""
    for ssh in (None, [], "x", {"direct": []}, {"direct": {"host": 1, "port": "22", "username": None}}):
        assert read_pod({"id": "a", "status": "RUNNING", "ssh": ssh}).ssh_direct is None
    assert made().ssh_proxy == SshPlace("ssh.runpod.io", 22, "pod1-6441")


def test_the_command_runs_and_its_exit_code_is_ours(pod, tmp_path):
    """As a program, with an ssh that says how it was called."""
    assert pod.run(*UP, "--detach")[0] == 0
    pod.runpod.pods["pod1"]["ssh"] = {"direct": DIRECT, "proxy": PROXY}
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ssh").write_text('#!/bin/sh\nprintf "<%s>" "$@"\nexit 7\n')
    (folder / "ssh").chmod(0o755)
    path = f"{folder}:{pod.env['PATH']}"
    code, out, _ = pod.run("ssh", "job", "--", "echo", "a b", PATH=path)
    assert (code, out) == (7, "<-o><HostKeyAlias=podkeep-pod1><-p><10341><root@203.0.113.7><echo><a b>")
    code, out, _ = pod.run("ssh", "pod1", "--print")
    assert (code, out) == (0, "ssh -o HostKeyAlias=podkeep-pod1 -p 10341 root@203.0.113.7\n")
    (folder / "ssh").write_text("#!/bin/sh\nkill -TERM $$\n")
    assert pod.run("ssh", "job", PATH=path)[0] == 143
    code, _, err = pod.run("ssh", "job", PATH=str(tmp_path / "nothing"))
    assert code != 0
    assert "OpenSSH" in err


@pytest.mark.parametrize(
    ("service", "row"),
    [
        (ServiceStatus("sshd", "running", 0.0), None),
        (ServiceStatus("sshd", "running", 0.0, restarts=2), "sshd runs, begun again 2 times"),
        (ServiceStatus("sshd", "off", 0.0, words="no key"), "sshd is off: no key"),
        (ServiceStatus("sshd", "off", 0.0, words="no key", is_expected=False), None),
        (
            ServiceStatus("sshd", "failed", 0.0, words="exit 1", remedy="look"),
            "sshd is failed: exit 1 (look)",
        ),
        (ServiceStatus("new", "a word of tomorrow", 0.0), "new is a word of tomorrow"),
    ],
)
def test_a_service_that_runs_is_no_news(service, row):
    """`status` tells of the others, in states of newer agents too."""
    assert _service(service) == row
