"""A pod as its host sees it: record, journal and log on its disks, and its processes. The agent is not asked.

Where a story must know something in the middle of a kill, nobody is asked who may just be dying.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.live import PATIENCE_S, Simulator, wait_for
from tests.story.laptop import CLIENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.story.laptop import Laptop, Story

JOB = "story"
HEADER = re.compile(rb"^podkeep: attempt (\d+) of run (\w+),", re.MULTILINE)


def dice(name: str) -> random.Random:
    """Random, but not for ever unknown: the seed is printed, and shown when the test fails."""
    seed = random.SystemRandom().randrange(10**6)
    note(f"seed of {name}: {seed}")
    return random.Random(seed)


def note(text: str) -> None:
    """Something that a person wants to know when the test fails."""
    sys.stdout.write(f"{text}\n")


def order(laptop: Laptop, command: str, *more: str) -> Story:
    """`up` with any command, in the laptop's repository."""
    argv = (
        CLIENT,
        "up",
        "--local",
        "--job",
        JOB,
        "--repo",
        laptop.source or str(laptop.repo),
        "--command",
        command,
    )
    return laptop.start(*argv, *more)


@dataclass(frozen=True, slots=True)
class Seen:
    """One pod and its job."""

    simulator: Simulator
    id: str
    name: str = JOB  # of the job

    @classmethod
    def only(cls, story: Story, within_s: float = PATIENCE_S, name: str = JOB) -> Seen:
        """The one pod there is, once its job has a record."""

        state = Path(story.laptop.env["XDG_STATE_HOME"]) / "podkeep" / "sim"

        def look() -> Simulator | None:
            is_over = story.program.poll() is not None
            found = Simulator.at(state)
            assert found or not is_over, f"up ended early:\n{story.told.read_text()}\n{story.log}"
            return found

        simulator = wait_for("a simulator", look, within_s)
        return cls.of(
            simulator, lambda: story.program.poll() is not None and story.told.read_text(), within_s, name
        )

    @classmethod
    def of(
        cls,
        simulator: Simulator,
        over: Callable[[], str | bool],
        within_s: float = PATIENCE_S,
        name: str = JOB,
    ) -> Seen:
        """The one pod of a simulator, once its job has a record. ``over`` says why it will never be."""

        def look() -> Seen | None:
            said = over()  # asked first: a short job may end while its record is looked for
            found = [cls(simulator, pod, name) for pod in simulator.pods()]
            if found and found[0].record():
                return found[0]
            assert not said, f"up ended early:\n{said}"
            return None

        return wait_for("a pod whose job has a record", look, within_s)

    @property
    def disks(self) -> Path:
        return self.simulator.state / "pods" / self.id

    @property
    def job(self) -> Path:
        return self.disks / "mount" / ".podkeep" / "jobs" / self.name

    @property
    def tree(self) -> Path:
        return self.disks / "mount" / self.name

    def record(self) -> dict[str, Any]:
        """state.json: the job as the agent last kept it; empty before that."""
        try:
            return json.loads((self.job / "state.json").read_bytes())
        except FileNotFoundError:
            return {}

    def journal(self) -> list[dict[str, Any]]:
        """Its whole lines: the last one may just be written, and the record is there before the first."""
        try:
            lines = (self.job / "journal.jsonl").read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def log(self) -> bytes:
        return (self.job / "log").read_bytes()

    def log_size(self) -> int:
        try:
            return (self.job / "log").stat().st_size
        except FileNotFoundError:
            return 0

    def begun(self) -> list[int]:
        """The numbers of the attempts that began, by the lines that their keepers wrote."""
        try:
            return [int(number) for number, _ in HEADER.findall(self.log())]
        except FileNotFoundError:
            return []

    def status(self) -> str:
        return self.simulator.pod(self.id)["status"]

    def console(self) -> str:
        return str(self.simulator.call("GET", f"/sim/pods/{self.id}/console")[1])

    def processes(self, words: str) -> list[int]:
        """Pids inside the pod of what runs with these words in its command line."""
        listed = self.simulator.call("GET", f"/sim/pods/{self.id}/processes")[1]
        return [one["pid"] for one in listed if words in one["command"]]

    def agent(self) -> int | None:
        """The living agent's pid inside the pod."""
        found = [pid for pid in self.processes("-m pod_agent") if pid == self._told()]
        return found[0] if found else None

    def _told(self) -> int | None:
        try:
            return int((self.inside("run") / "podkeep" / "agent.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None

    def inside(self, name: str) -> Path:
        """A top-level folder of the pod's own disk, as it is seen from outside: /run, /podkeep."""
        ours = self.disks / "disk" / name
        return ours if ours.exists() else self.root() / name

    def host_pid(self, pid: int) -> int:
        """What the host calls a process of the pod; 0 when it is none any more."""
        listed = self.simulator.call("GET", f"/sim/pods/{self.id}/processes")[1]
        return next((one["host_pid"] for one in listed if one["pid"] == pid), 0)

    def root(self) -> Path:
        """The living pod's own /, as its PID 1 sees it."""
        return Path(f"/proc/{self.host_pid(1)}/root")

    def kill_agent(self) -> int:
        """SIGKILL for the living agent; its pid."""
        pid = wait_for("an agent", self.agent)
        self.simulator.kill(self.id, pid)
        return pid

    def new_agent(self, old: int, within_s: float = PATIENCE_S) -> int:
        """The pid of the agent that follows the killed one."""

        def look() -> int | None:
            pid = self.agent()
            return pid if pid != old else None

        return wait_for("another agent", look, within_s)

    def checkpoint_after(self, step: int, within_s: float = PATIENCE_S) -> int:
        """Wait for a whole checkpoint beyond this step; its step."""

        def look() -> int | None:
            place = self.record().get("checkpoint") or {}
            return place["step"] if (place.get("step") or 0) > step else None

        return wait_for(f"a whole checkpoint after step {step}:\n{self.log()[-2000:]!r}", look, within_s)

    def finished_again(self, entries: int) -> None:
        """Wait until an agent that began after so many lines of the journal has decided that the job stays finished.

        An agent's first line is of the order. What comes without one is an earlier agent's: state.json is before it.
        """

        def look() -> bool:
            told = self.journal()[entries:]
            begins = next((at for at, entry in enumerate(told) if entry["kind"] == "order"), len(told))
            phases = [entry["phase"] for entry in told[begins:] if entry["kind"] == "phase"]
            return phases[-1:] == ["finished"]

        wait_for(f"the job stays finished; {self.journal()[entries:]}", look)

    def crash(self, layer: str = "kept", started_at: str = "kept") -> None:
        """PID 1 dies, and RunPod starts the container again at once."""
        wait_for("a PID 1", lambda: self.host_pid(1))
        body = {"layer": layer, "started_at": started_at}
        status, said = self.simulator.call("POST", f"/sim/pods/{self.id}/crash", body)
        assert status < 300, said

    def act(self, action: str) -> None:
        status, said = self.simulator.call("POST", f"/v2/pods/{self.id}/action", {"action": action})
        assert status < 300, said

    def faults(self, **wanted: object) -> None:
        status, said = self.simulator.call("POST", f"/sim/pods/{self.id}/faults", wanted)
        assert status < 300, said

    def begins(self, attempt: int, within_s: float = PATIENCE_S) -> None:
        """Wait until this attempt runs and the record knows it."""

        def look() -> bool:
            last = (self.record().get("attempts") or [{"number": 0}])[-1]
            return last["number"] == attempt and last["started_at"] is not None and attempt in self.begun()

        try:
            wait_for(f"attempt {attempt}", look, within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.evidence()}") from None

    def evidence(self) -> str:
        """What a person would look at: RunPod's record, the job's, the ends of log and console."""
        log = self.log()[-3000:].decode(errors="replace")
        console = str(self.simulator.call("GET", f"/sim/pods/{self.id}/console")[1])[-3000:]
        return f"{self.simulator.pod(self.id)}\n{self.record()}\n{log}\n{console}"

    def stopped(self, within_s: float = PATIENCE_S) -> None:
        wait_for("the pod is off", lambda: self.simulator.is_off(self.id), within_s)


def nap(rng: random.Random, least: float, most: float) -> None:
    time.sleep(rng.uniform(least, most))
