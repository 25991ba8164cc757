"""Faults, and looking into pods, over real HTTP."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live import PATIENCE_S, wait_for
from tests.sim.conftest import Account, wait_gone

SERVE = ("bash", "-c", 'cd /workspace; echo hello > hello; exec "$PODKEEP_PYTHON" -m http.server "$POD_PORT"')
LAYER = (
    "bash",
    "-c",
    """seen=$(cat /podkeep/x /run/x /workspace/x 2>/dev/null | xargs)
    for p in podkeep run workspace; do echo $p > /$p/x; done; echo seen=$seen.; sleep 600""",
)
SILENT = """
import os, socket
server = socket.create_server(("127.0.0.1", int(os.environ["POD_PORT"])))
print("listening", flush=True)
client, _ = server.accept()
print("accepted", flush=True)
client.recv(1 << 16)
client.recv(1 << 16)
"""
MOUNT = {"persistent": {"size": 10, "path": "/workspace"}}


def fetch(account: Account, pod: str, path: str = "8787/hello") -> tuple[int, bytes]:
    request = urllib.request.Request(
        f"{account.simulator.url}/proxy/{pod}/{path}", headers={"User-Agent": "t"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


@pytest.fixture(scope="module")
def server(account: Account):
    """A pod that serves files."""
    pod = account.running(*SERVE)
    wait_for("the pod serves", lambda: fetch(account, pod)[0] == 200, every_s=0.02)
    yield pod
    account.act(pod, "terminate")


def test_the_proxy_leads_to_the_pod(account, server):
    """8787 outside is the agent's port inside; ports that are not exposed and pods that are not there are 404."""
    assert fetch(account, server) == (200, b"hello\n")
    assert fetch(account, server, "8888/hello")[0] == 404
    assert fetch(account, "nothing")[0] == 404


@pytest.mark.parametrize(("mode", "status"), [("404", 404), ("524", 524), ("buffer", 200), ("ok", 200)])
def test_the_proxy_fails_as_asked(account, server, mode, status):
    """Each mode of the proxy is switched by the account."""
    account.sim(server, "proxy", mode=mode)
    assert fetch(account, server)[0] == status
    account.sim(server, "proxy", mode="ok")


def test_a_pod_that_does_not_listen_is_502_and_a_stopped_one_404(account):
    """502 while nothing listens; 404 once the pod is down."""
    pod = account.running()
    assert fetch(account, pod)[0] == 502
    account.act(pod, "stop")
    account.until_down(pod)
    assert fetch(account, pod)[0] == 404
    account.act(pod, "terminate")


def test_a_kill_reaches_the_pid_inside(account):
    """The signal reaches the process that has this pid inside; a pid that is not there is 404."""
    pod = account.running("bash", "-c", "sleep 599 & echo child=$!; wait; echo ended; sleep 600")
    child = int(account.says(pod, "child=").split("child=")[1].split()[0])
    assert child in {process["pid"] for process in account.processes(pod)}
    account.simulator.kill(pod, child)
    account.says(pod, "ended")
    assert account.call("POST", f"/sim/pods/{pod}/kill", {"pid": 99_999})[0] == 404
    account.act(pod, "terminate")


@pytest.mark.parametrize(("layer", "left"), [("kept", "podkeep run workspace"), ("wiped", "workspace")])
def test_a_crash_keeps_or_wipes_the_layer(account, layer, left):
    """After a crash the mount is there; the container's disk and /run are there when the layer is kept."""
    pod = account.running(*LAYER, mounts=MOUNT)
    account.says(pod, "seen=.")
    before = account.get(pod)
    account.sim(pod, "crash", layer=layer)
    account.says(pod, f"seen={left}.")
    after = account.until_up(pod)
    assert (after["startedAt"], after["status"]) == (before["startedAt"], "RUNNING")
    account.act(pod, "terminate")


def test_a_crash_may_move_started_at(account):
    """Asked for, startedAt is the time of the restart; the next crash keeps it again."""
    pod = account.running()
    account.says(pod, "entry: start")
    before = account.get(pod)["startedAt"]
    account.sim(pod, "crash", started_at="moved")
    moved = wait_for(
        "startedAt moves", lambda: (now := account.get(pod)["startedAt"]) != before and now, every_s=0.01
    )
    wait_for("the second start", lambda: account.console(pod).count("entry: start") == 2, every_s=0.02)
    account.until_up(pod)
    account.sim(pod, "crash")
    wait_for("the third start", lambda: account.console(pod).count("entry: start") == 3, every_s=0.02)
    assert account.get(pod)["startedAt"] == moved
    account.act(pod, "terminate")


def test_stops_are_refused_to_the_pod_and_counted(account):
    """Two refusals of the pod's own stop, then it works; the account is never refused."""
    pod = account.running()
    key = account.key_of(pod)
    account.sim(pod, "faults", refuse_stop=2)
    assert [account.act(pod, "stop", key) for _ in range(3)] == [403, 403, 200]
    account.until_down(pod)
    account.sim(pod, "faults", refuse_stop=True)
    assert account.call("DELETE", f"/v2/pods/{pod}", key=key)[0] == 403
    assert account.call("DELETE", f"/v2/pods/{pod}")[0] == 204


def test_a_read_of_oneself_is_refused(account):
    """The pod's key may not read its pod; the account may."""
    pod = account.create()
    account.sim(pod, "faults", refuse_read=True)
    assert account.call("GET", f"/v2/pods/{pod}", key=account.key_of(pod))[0] == 403
    assert account.call("GET", f"/v2/pods/{pod}")[0] == 200
    account.act(pod, "terminate")


def test_cut_breaks_what_is_open(account):
    """A request in flight through the proxy ends without an answer."""
    pod = account.running("bash", "-c", f"exec \"$PODKEEP_PYTHON\" -c '{SILENT}'")
    account.says(pod, "listening")
    with ThreadPoolExecutor(1) as pool:
        flight = pool.submit(fetch, account, pod)
        account.says(pod, "accepted")
        assert account.sim(pod, "proxy", mode="cut") == {"mode": "ok", "cut": 1, "left": 0}
        with pytest.raises((ConnectionError, http.client.HTTPException, urllib.error.URLError)):
            flight.result(PATIENCE_S)
    account.act(pod, "terminate")


def test_the_bill_is_by_the_second(account):
    """The ledger opens with the pod and closes with its container."""
    pod = account.running()
    wait_for(
        "a second is billed",
        lambda: account.call("GET", f"/sim/pods/{pod}/ledger")[1]["cost"] > 0,
        every_s=0.05,
    )
    account.act(pod, "stop")
    account.until_down(pod)
    bill = wait_for("the bill is closed", lambda: closed(account, pod), every_s=0.01)
    time.sleep(0.05)
    (charge,) = bill["charges"]
    seconds = int(charge["until"] - charge["since"])
    assert seconds >= 1
    assert closed(account, pod)["cost"] == bill["cost"] == pytest.approx(seconds * 0.43 / 3600, abs=1e-6)
    account.act(pod, "terminate")


def closed(account: Account, pod: str):
    bill = account.call("GET", f"/sim/pods/{pod}/ledger")[1]
    return bill if bill["charges"][-1]["until"] else None


def test_health_needs_no_key(account):
    """Whether the simulator is there is told to anybody."""
    assert account.call("GET", "/sim/health", key="none")[1]["ok"] is True


def test_a_terminated_pods_processes_end(account):
    """After terminate none of the pod's processes is left on this machine, and its folder is gone."""
    pod = account.running()
    before = [process["host_pid"] for process in account.processes(pod)]
    assert account.act(pod, "terminate") == 204
    for pid in before:
        wait_gone(pid)
    wait_for(
        "the folder is gone", lambda: not (account.simulator.state / "pods" / pod).exists(), every_s=0.01
    )
