"""A simulator whose pods run a tiny start command of the tests, and what a test asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import machine_environment
from tests.live import Simulator, wait_for

ENTRYPOINT = Path(__file__).parent.parent / "programs" / "pod_entry.sh"
GPU = "NVIDIA L4"


def body(*command: str, **changes: Any) -> dict[str, Any]:
    """A create body whose pod runs this command."""
    usual = {
        "name": "test",
        "image": "local",
        "gpu": {"id": GPU, "count": 1},
        "disk": 20,
        "ports": ["8787/http"],
    }
    return usual | ({"cmd": list(command)} if command else {}) | changes


class Account:
    """One simulator, and shorthand for what its owner does."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.call = simulator.call

    def create(self, *command: str, **changes: Any) -> str:
        """A new pod's id."""
        status, pod = self.call("POST", "/v2/pods", body(*command, **changes))
        assert status == 201, pod
        return pod["id"]

    def running(self, *command: str, **changes: Any) -> str:
        """A new pod's id, once it is up."""
        pod = self.create(*command, **changes)
        self.until_up(pod)
        return pod

    def get(self, pod: str) -> Any:
        return self.simulator.pod(pod)

    def act(self, pod: str, action: str, key: str | None = None) -> int:
        return self.call("POST", f"/v2/pods/{pod}/action", {"action": action}, key)[0]

    def sim(self, pod: str, what: str, **wish: Any) -> Any:
        """Ask one of the simulator's own routes."""
        status, said = self.call("POST", f"/sim/pods/{pod}/{what}", wish)
        assert status < 300, said
        return said

    def console(self, pod: str) -> str:
        return str(self.call("GET", f"/sim/pods/{pod}/console")[1])

    def says(self, pod: str, words: str) -> str:
        """Wait until the console holds these words."""
        return wait_for(
            f"{words!r} on the console", lambda: words in (said := self.console(pod)) and said, every_s=0.02
        )

    def until_up(self, pod: str) -> Any:
        def look() -> Any:
            seen = self.get(pod)
            return seen if seen["status"] == "RUNNING" and seen["runtime"] else None

        return wait_for("the pod runs", look, every_s=0.01)

    def until_down(self, pod: str) -> Any:
        return wait_for(
            "the pod is down", lambda: (seen := self.get(pod))["runtime"] is None and seen, every_s=0.01
        )

    def processes(self, pod: str) -> Any:
        return self.call("GET", f"/sim/pods/{pod}/processes")[1]

    def key_of(self, pod: str) -> str:
        """The key that the pod itself was given."""
        record = self.simulator.state / "pods" / pod / "pod.json"
        return record.read_text().split('"key":"')[1].split('"')[0]


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """One simulator for all these tests."""
    home = tmp_path_factory.mktemp("sim")
    options = ("--entrypoint", str(ENTRYPOINT))
    with Simulator.running(home / "state", machine_environment(home), *options) as simulator:
        yield Account(simulator)


def is_gone(pid: int) -> bool:
    """Whether no such process is left on this machine."""
    return not Path(f"/proc/{pid}").exists()


def wait_gone(pid: int) -> None:
    wait_for(f"process {pid} is gone", lambda: is_gone(pid), every_s=0.01)
