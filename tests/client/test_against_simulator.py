"""The client against the simulator's RunPod when that refuses, breaks, forgets and is out of everything."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import machine_environment
from tests.live import PATIENCE_S, Simulator, wait_for

GPU, OTHER = "NVIDIA L4", "NVIDIA RTX A4000"
pytestmark = pytest.mark.slow
UP = ("up", "--image", "local", "--agent", "image", "--gpu", GPU, "--job", "long", "--command", "sleep 600")


class Desk:
    """A laptop with a key of that RunPod."""

    def __init__(self, home: Path, simulator: Simulator) -> None:
        self.home = home
        self.simulator = simulator
        self.env = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "RUNPOD_API_KEY": simulator.key,
            "POD_RUNPOD_URL": f"{simulator.url}/v2",
            "POD_PROXY_URL": simulator.url + "/proxy/{pod}/{port}",
        }

    def run(self, *argv: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "pod_client.cli", *argv],
            cwd=self.home,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def next_is(self, **kinds: object) -> None:
        status, said = self.simulator.call("POST", "/sim/faults", kinds)
        assert status == 200, said

    def only_pod(self) -> dict[str, object]:
        (pod,) = self.simulator.pods().values()
        return pod


@pytest.fixture(scope="module")
def runpod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    home = tmp_path_factory.mktemp("runpod")
    with Simulator.running(home / "state", machine_environment(home)) as simulator:
        yield simulator


@pytest.fixture
def desk(tmp_path: Path, runpod: Simulator) -> Iterator[Desk]:
    """No pod and no trouble is left to the next test."""
    yield Desk(tmp_path, runpod)
    nothing = {name: [] for name in ("create", "list", "get", "patch", "delete", "start", "stop", "restart")}
    runpod.call("POST", "/sim/faults", {**nothing, "api": "now"})
    runpod.call("POST", "/sim/reset")


def test_a_launch_through_all_that_can_be_borne(desk):
    """Asked too often, out of stock, broken after creating, a new pod that reads missing: one pod, one job, exit 0."""
    desk.next_is(create=["limited", "capacity", "broken_after"], get=["missing", "missing", "broken"])
    code, said = desk.run(*UP, "--gpu", OTHER, "--detach")
    assert code == 0, said
    assert desk.only_pod()["gpu"] == {"id": OTHER, "count": 1}
    assert f"{GPU}: no machine is free; trying the next" in said
    assert "it exists:" in said
    desk.next_is(delete=["limited", "broken"], get=["broken"])
    code, said = desk.run("rm", "long", "--force")
    assert code == 0, said
    assert desk.simulator.pods() == {}


@pytest.mark.parametrize(
    ("kinds", "code", "words"),
    [
        (["unfunded"], 4, "add credit"),
        (["forbidden"], 3, "access denied"),
        (["capacity"], 4, "no longer any instances"),
    ],
)
def test_a_refused_create_bills_nothing_and_says_so(desk, kinds, code, words):
    """No credit, no permission, no stock: each with its exit code, its reason, and that nothing is billed."""
    desk.next_is(create=kinds)
    ended, said = desk.run(*UP)
    assert (ended, desk.simulator.pods()) == (code, {}), said
    assert words in said
    assert "nothing was created, nothing is billed" in said


def test_a_create_that_broke_before_is_named_for_a_later_look(desk):
    """No pod of that name is listed: it is not asked for again, and the name and the command are said."""
    desk.next_is(create=["broken"])
    code, said = desk.run(*UP)
    assert (code, desk.simulator.pods()) == (3, {}), said
    assert "pod-client rm podkeep-long-" in said
    assert "nothing was created" not in said


@pytest.mark.parametrize("kind", ["error", "stuck"])
def test_a_pod_that_does_not_come_up_is_removed(desk, kind):
    """RunPod says ERROR, or STARTING for ever: removed, confirmed, and said."""
    desk.next_is(create=[kind])
    code, said = desk.run(*UP, "--wait-minutes", "0.1")
    assert (code, desk.simulator.pods()) == (3, {}), said
    assert "nothing of it is billed any more" in said


def test_a_stopped_pod_whose_host_is_full_or_gives_no_gpu(desk):
    """Start refused, then without a GPU, then broken: each time it is stopped afterwards, at last it goes on."""
    assert desk.run(*UP, "--detach")[0] == 0
    assert desk.run("stop", "long")[0] == 0
    for kinds, code in ((["no_free_gpus"], 4), (["no_gpu"], 4), (["broken_after"], 3)):
        desk.next_is(start=kinds)
        for command in (("start", "long"), (*UP, "--detach")):
            ended, said = desk.run(*command)
            wait_for(f"it is off; {said}", lambda: desk.only_pod()["status"] == "EXITED")
            assert ended == code, said
            desk.next_is(start=kinds)
    desk.next_is(start=[])
    code, said = desk.run("start", "long")
    assert code == 0, said


def test_the_api_of_august_is_enough(desk):
    """Without pages and without `cmd`, everything works: nothing of ours needs them."""
    desk.next_is(api="2026-08")
    code, said = desk.run(*UP, "--detach")
    assert code == 0, said
    assert "long" in desk.run("ps")[1]
    assert desk.run("rm", "long", "--force")[0] == 0
