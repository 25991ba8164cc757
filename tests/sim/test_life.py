"""Stop, start, restart, exits: what each leaves, seen from outside."""

from __future__ import annotations

import time

import pytest

from tests import busy
from tests.live import wait_for
from tests.sim.conftest import Account

MARKS = (
    "bash",
    "-c",
    """seen=$(ls /workspace /podkeep /run | xargs); touch /workspace/mount /podkeep/disk /run/run
    echo marks: $seen.; sleep 600""",
)
STARTS_THRICE = (  # it rests in its third life, so that nobody who looks late sees a fourth one
    "bash",
    "-c",
    "echo life >>/podkeep/lives; [ $(wc -l </podkeep/lives) -lt 3 ] || sleep 600; sleep 0.1",
)
MOUNT = {"persistent": {"size": 10, "path": "/workspace"}}
PORTS = ["8787/http", "22/tcp"]


def stop(account: Account, pod: str) -> None:
    assert account.act(pod, "stop") == 200
    account.until_down(pod)


def starts(account: Account, pod: str, count: int) -> str:
    return wait_for(
        f"start {count}",
        lambda: (said := account.console(pod)).count("entry: start") == count and said,
        every_s=0.02,
    )


def hostname(said: str) -> str:
    return said.rpartition("entry: start ")[2].split(maxsplit=1)[0]


def test_a_stop_wipes_the_disk_and_keeps_the_mount(account):
    """On the next start only the mount's file is left; hostname, ports and startedAt are new."""
    pod = account.running(*MARKS, mounts=MOUNT, ports=PORTS)
    before, name = account.get(pod), hostname(account.says(pod, "marks:"))
    account.says(pod, "marks:")
    stop(account, pod)
    stopped = account.get(pod)
    assert (stopped["status"], stopped["cost"], stopped["actions"]) == ("EXITED", 0.0, ["start", "terminate"])
    assert account.act(pod, "start") == 200
    said = account.says(pod, "marks: /podkeep: /run: /workspace: mount.")
    after = account.until_up(pod)
    assert after["ssh"]["direct"]["port"] != before["ssh"]["direct"]["port"]
    assert after["startedAt"] > before["startedAt"]
    assert hostname(said) != name
    account.act(pod, "terminate")


def test_without_a_mount_a_stop_loses_everything(account):
    """/workspace is then a folder of the container's disk."""
    pod = account.running(*MARKS)
    account.says(pod, "marks:")
    stop(account, pod)
    disk = account.simulator.state / "pods" / pod / "disk"
    wait_for("its disk is wiped", lambda: not disk.exists(), every_s=0.01)
    account.act(pod, "start")
    starts(account, pod, 2)
    empty = "marks: /podkeep: /run: /workspace:."
    wait_for("the second list", lambda: account.console(pod).count(empty) == 2, every_s=0.01)
    account.act(pod, "terminate")


def test_an_exited_start_command_runs_again_at_once(account):
    """Status stays RUNNING and billed, uptime begins anew, hostname and ports stay."""
    pod = account.create(*STARTS_THRICE, ports=PORTS)
    said = starts(account, pod, 3)
    assert len({line for line in said.splitlines() if line.startswith("entry: start")}) == 1
    seen = account.get(pod)
    assert (seen["status"], seen["cost"]) == ("RUNNING", 0.43)
    account.act(pod, "terminate")


def test_a_restart_wipes_the_disk_in_place(account):
    """The action `restart` keeps hostname, mount and startedAt, and nothing of the disk."""
    pod = account.running(*MARKS, mounts=MOUNT)
    before = account.get(pod)["startedAt"]
    account.says(pod, "marks:")
    assert account.act(pod, "restart") == 200
    said = account.says(pod, "marks: /podkeep: /run: /workspace: mount.")
    assert len({line for line in said.splitlines() if line.startswith("entry: start")}) == 1
    assert account.get(pod)["startedAt"] == before
    account.act(pod, "terminate")


def test_a_start_waits_for_the_stop_before_it(account):
    """Stop and start in one breath give one container, the new one."""
    pod = account.running()
    assert account.act(pod, "stop") == 200
    assert account.act(pod, "start") == 200
    starts(account, pod, 2)
    account.until_up(pod)
    assert sum(process["pid"] == 1 for process in account.processes(pod)) == 1
    account.act(pod, "terminate")


def test_a_stop_while_provisioning_leaves_nothing(account):
    """A pod stopped before it was up has no container and no processes."""
    pod = account.create()
    assert account.act(pod, "stop") == 200
    wait_for(
        "its bill is closed", lambda: account.call("GET", f"/sim/pods/{pod}/ledger")[1]["charges"][0]["until"]
    )
    assert account.get(pod)["runtime"] is None
    assert account.processes(pod) == []
    account.act(pod, "terminate")


def test_a_pod_without_a_root_is_an_error(account):
    """A mount whose place cannot be made ends in ERROR, unbilled, with the reason on the console."""
    pod = account.create(mounts={"persistent": {"size": 10, "path": "/proc/nothing/here"}})
    wait_for("ERROR", lambda: account.get(pod)["status"] == "ERROR", every_s=0.02)
    assert account.get(pod)["cost"] == 0.0
    assert "cannot start the container" in account.console(pod)
    account.act(pod, "terminate")


@pytest.mark.slow
def test_a_stop_ends_what_ignores_it_after_five_seconds(account):
    """SIGKILL comes 5 s after SIGTERM."""
    pod = account.running("bash", "-c", 'trap "" TERM; echo deaf; while :; do sleep 600; done')
    account.says(pod, "deaf")
    watch = busy.Watch()
    account.act(pod, "stop")
    account.until_down(pod)
    assert time.monotonic() - watch.began > 4.5
    assert not watch.was_too_long(8)
    account.act(pod, "terminate")
