"""Pods made as from a template: a create body with POD_* variables, nobody who follows. What is left of them."""

from __future__ import annotations

import json
import secrets
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live import PATIENCE_S, Simulator, wait_for

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent
JOB = "tried"
TOKEN = "a-token-of-the-template"
GPU = "NVIDIA L4"
LEFT = [  # for the fixture runpod, and what a crash of a container leaves: its disk, its startedAt
    *(("process", layer, started_at) for layer in ("kept", "wiped") for started_at in ("kept", "moved")),
    *(
        pytest.param("docker", *left, marks=pytest.mark.docker)
        for left in (("kept", "kept"), ("wiped", "moved"))
    ),
]


@dataclass(frozen=True, slots=True)
class Left:
    """What a pod left behind when it was off: the job's folder, and what is in it."""

    folder: Path

    @property
    def state(self) -> dict[str, Any]:
        return json.loads((self.folder / "state.json").read_bytes())

    @property
    def job(self) -> dict[str, Any]:
        """As the status would say it."""
        state = self.state
        return {**(state["ending"] or {}), "warnings": state["warnings"]}

    @property
    def log(self) -> bytes:
        return (self.folder / "log").read_bytes()

    @property
    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "journal.jsonl").read_text().splitlines()]

    @property
    def stopped_itself(self) -> bool:
        """The last that was written is the stop: asked for, and on a slow host asked for again as it still lived."""
        kinds = [entry["kind"] for entry in self.journal]
        return "stop_requested" in kinds and kinds[-1] in {"stop_requested", "stop_refused"}


@dataclass(frozen=True, slots=True)
class TemplatePod:
    """One pod on the simulator."""

    simulator: Simulator
    id: str
    volume: str = ""  # the network volume at its mount; "": a disk of its own

    @classmethod
    def create(
        cls,
        simulator: Simulator,
        env: dict[str, str],
        entrypoint: tuple[str, ...] = (),
        volume: str = "",
        cmd: tuple[str, ...] = (),
    ) -> TemplatePod:
        """A pod with a mount, whose environment asks for a job."""
        network = {"network": [{"volumeId": volume, "path": "/workspace"}]}
        body = {
            "name": f"template-{secrets.token_hex(3)}",
            "image": "local",
            "gpu": {"id": GPU, "count": 1},
            "disk": 20,
            "mounts": network if volume else {"persistent": {"path": "/workspace", "size": 10}},
            "ports": ["8787/http"],
            "env": {"POD_JOB": JOB, "POD_TOKEN": TOKEN, **env},
        }
        if entrypoint:
            body["entrypoint"] = list(entrypoint)
        if cmd:
            body["cmd"] = list(cmd)
        status, pod = simulator.call("POST", "/v2/pods", body)
        assert status == 201, pod
        return cls(simulator, pod["id"], volume)

    @property
    def mount(self) -> Path:
        if self.volume:
            return self.simulator.state / "volumes" / self.volume
        return self.simulator.state / "pods" / self.id / "mount"

    def console(self) -> str:
        return str(self.simulator.call("GET", f"/sim/pods/{self.id}/console")[1])

    def ask(self, path: str) -> Any:
        """The agent's answer through the proxy; None while there is none."""
        status, said = self.simulator.call("GET", f"/proxy/{self.id}/8787{path}", key=TOKEN)
        return said if status == 200 else None

    def faults(self, **wanted: object) -> None:
        status, said = self.simulator.call("POST", f"/sim/pods/{self.id}/faults", wanted)
        assert status < 300, said

    def told_its_end(self) -> Any:
        """The status of a job that is over. Its stop is refused until then, as nobody comes in time for sure."""
        self.faults(refuse_stop=True, graphql="refuse")

        def look() -> Any:
            said = self.ask("/status")
            return said if said and said["job"] and said["job"]["outcome"] else None

        try:
            return wait_for("the job's end in the status", look)
        except AssertionError as error:
            error.add_note(self.console())
            raise
        finally:
            self.faults(refuse_stop=False, graphql="ok")

    def switches_itself_off(self, within_s: float = PATIENCE_S, *, watched: bool = True) -> Any:
        """Wait until it is EXITED and nothing of it lives, which nobody asked for but itself; the last status seen."""
        seen: list[Any] = [None]

        def look() -> bool:
            if watched:
                seen.append(self.ask("/status") or seen[-1])
            return self.simulator.is_off(self.id)

        try:
            wait_for("the pod is off", look, within_s)
        except AssertionError as error:
            error.add_note(self.console())
            raise
        return seen[-1]

    def left(self, job: str = JOB) -> Left:
        return Left(self.mount / ".podkeep" / "jobs" / job)


def odd_workspace(kind: str) -> tuple[str, ...]:
    """The entrypoint of a pod whose workspace, /workspace/job, is of this kind."""
    return ("/bin/bash", str(HERE / "odd_workspace.sh"), kind, str(CHECKOUT))


def quick_python(folder: Path) -> str:
    """A stand-in for the image's Python, in this folder: for ``-I -m pod_agent`` it takes the less patient one."""
    path = folder / "python"
    python, agent = shlex.quote(sys.executable), shlex.quote(str(HERE / "quick_agent.py"))
    path.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "-I -m pod_agent" ] && shift 3\nexec {python} {agent} "$@"\n')
    path.chmod(0o755)
    return str(path)
